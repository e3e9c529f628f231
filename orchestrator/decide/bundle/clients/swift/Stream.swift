import Foundation
import OnnxRuntimeBindings

/// `timeS`: since the start of the stream, the end of the output frame that said so.
struct Event {
    let label: String
    let timeS: Double
    let score: Double
}

/// The stream loop of an Earshot bundle over ONNX Runtime (onnxruntime-swift-package-manager).
///
///     let stream = try Stream(bundle: url)
///     for event in try stream.push(samples) { print(event.timeS, event.label) }
final class Stream {
    private let contract: Contract
    private let configuration: Configuration
    private let environment: ORTEnv
    private let session: ORTSession
    private let frontend: Frontend
    private let decoder: Decoder
    private var state: [String: ORTValue] = [:]
    private var waiting: [Double] = []

    init(bundle: URL) throws {
        contract = try read(Contract.self, from: bundle.appendingPathComponent("contract.json"))
        let recommendation = try read(Recommendation.self, from: bundle.appendingPathComponent("recommendation.json"))
        configuration = recommendation.configuration
        environment = try ORTEnv(loggingLevel: .warning)
        let options = try Stream.options(configuration)
        let model = bundle.appendingPathComponent(recommendation.file.name).path
        session = try ORTSession(env: environment, modelPath: model, sessionOptions: options)
        frontend = makeFrontend(contract.frontend, rateHz: contract.sampleRateHz)
        decoder = makeDecoder(contract.decoder)
        for spec in contract.states {
            let count = spec.shape.reduce(1, *)
            state[spec.input] = try tensor([Float](repeating: spec.initial, count: count), shape: spec.shape)
        }
    }

    private static func options(_ configuration: Configuration) throws -> ORTSessionOptions {
        let options = try ORTSessionOptions()
        try options.setIntraOpNumThreads(Int32(configuration.threads))
        for (name, text) in configuration.sessionOptions {
            if name == "graph_optimization_level" {
                let levels: [String: ORTGraphOptimizationLevel] = [
                    "disable": .none, "basic": .basic, "extended": .extended, "all": .all,
                ]
                try options.setGraphOptimizationLevel(levels[text] ?? .all)
            } else if name == "allow_spinning" {
                let isOn = text == "1" || text == "true"
                try options.addConfigEntry(withKey: "session.intra_op.allow_spinning", value: isOn ? "1" : "0")
            } else if name.hasPrefix("session.") {
                try options.addConfigEntry(withKey: name, value: text)
            }
        }
        if configuration.executionProvider == "CoreMLExecutionProvider" {
            try options.appendCoreMLExecutionProvider(with: ORTCoreMLExecutionProviderOptions())
        }
        return options
    }

    /// Take mono samples in [-1, 1] at the contract's rate, as many as there are, and tell what was heard by now.
    func push(_ samples: [Float]) throws -> [Event] {
        waiting += samples.map(Double.init)
        var found: [Event] = []
        while waiting.count >= configuration.chunkSamples {
            found += try step(Array(waiting.prefix(configuration.chunkSamples)))
            waiting.removeFirst(configuration.chunkSamples)
        }
        return found
    }

    private func step(_ chunk: [Double]) throws -> [Event] {
        let features = frontend.push(chunk)
        var shape = contract.input.shape
        shape[contract.timeAxis] = 1
        shape[contract.timeAxis] = features.count / shape.reduce(1, *)
        var inputs = state
        inputs[contract.input.name] = try tensor(features, shape: shape)
        let names = contract.outputs.map(\.name) + contract.states.map(\.output)
        let outputs = try session.run(withInputs: inputs, outputNames: Set(names), runOptions: nil)
        // The loop that the client owns: what came out is what goes in with the next chunk.
        for spec in contract.states {
            state[spec.input] = outputs[spec.output]
        }
        guard let logits = outputs[contract.outputs[0].name] else { return [] }
        let values = try (logits.tensorData() as Data).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        let width = try logits.tensorTypeAndShapeInfo().shape.last?.intValue ?? 1
        let chunkS = Double(chunk.count) / Double(contract.sampleRateHz)
        let frameS = chunkS / Double(values.count / width)
        return decoder.push(values).map {
            Event(label: $0.label, timeS: Double($0.frame + 1) * frameS, score: $0.score)
        }
    }
}

private func tensor(_ values: [Float], shape: [Int]) throws -> ORTValue {
    let data = values.withUnsafeBufferPointer { NSMutableData(bytes: $0.baseAddress, length: 4 * values.count) }
    return try ORTValue(tensorData: data, elementType: .float, shape: shape.map { NSNumber(value: $0) })
}
