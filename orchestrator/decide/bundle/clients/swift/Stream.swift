import Foundation
import OnnxRuntimeBindings

/// `timeS`: since the start of the stream, the end of the output frame that said so. `words`: where words are ranked.
struct Event {
    let label: String
    let timeS: Double
    let score: Double
    let words: [RankedWord]
}

/// The stream loop of an Earshot bundle over ONNX Runtime (onnxruntime-swift-package-manager).
///
///     let stream = try Stream.open(ModelBundle(url), device: identifier)
///     for event in try stream.push(samples) { print(event.timeS, event.label) }
final class Stream {
    private let contract: Contract
    private let chunkSamples: Int
    private let environment: ORTEnv
    private let session: ORTSession
    private let frontend: Frontend
    private let decoder: StreamDecoder
    private let words: Trie?
    private var fixed: [String: ORTValue] = [:]
    private var state: [String: ORTValue] = [:]
    private var waiting: [Int16] = []
    private var frameS = 0.0

    /// With the first configuration for `device` (the one that was measured by default) that can be loaded here.
    static func open(_ bundle: ModelBundle, device: String? = nil) throws -> Stream {
        var reason: Error = ClientError.unsupported("a bundle without a configuration")
        for configuration in bundle.configurations(for: device) {
            do {
                return try Stream(bundle, configuration)
            } catch {
                reason = error
            }
        }
        throw reason
    }

    private init(_ bundle: ModelBundle, _ configuration: Configuration) throws {
        contract = try bundle.contract(configuration)
        chunkSamples = configuration.chunkSamples
        environment = try ORTEnv(loggingLevel: .warning)
        guard let graph = bundle.file(configuration, "graph") else { throw ClientError.unsupported("no graph") }
        session = try openSession(graph, configuration.options, in: environment)
        frontend = makeFrontend(contract.frontend, rateHz: contract.sampleRateHz)
        let lexicon = try bundle.file(configuration, "lexicon").map(readWords)
        words = lexicon.map { [contract] in trie($0, contract.decoder) }
        if let spec = contract.search, let file = bundle.file(configuration, "step"), let options = configuration.step {
            let step = Step(spec, try openSession(file, options, in: environment))
            decoder = try searching(contract.decoder, step, words, frontend)
        } else {
            decoder = makeDecoder(contract.decoder)
        }
        for spec in contract.constants {
            let data = try filled(spec.dtype, shape: spec.shape, with: contract.constantValues[spec.name] ?? 0)
            fixed[spec.name] = try tensor(data, dtype: spec.dtype, shape: spec.shape)
        }
        try reset()
    }

    /// A user's own words beside the lexicon's, with counts, from the next trace on.
    func useWords(_ own: Words) throws {
        guard let search = decoder as? TrieSearch, let words = words else {
            throw ClientError.unsupported("a \(contract.decoder.kind) decoder tells no words")
        }
        try search.use(Lexicon(words, user: own.isEmpty ? nil : trie(own, contract.decoder)))
    }

    private func reset() throws {
        for spec in contract.states {
            let data = try filled(spec.dtype, shape: spec.shape, with: spec.initial)
            state[spec.input] = try tensor(data, dtype: spec.dtype, shape: spec.shape)
        }
    }

    /// Take mono 16-bit samples at the contract's rate, as many as there are, and tell what was heard by now.
    func push(_ samples: [Int16]) throws -> [Event] {
        waiting += samples
        var found: [Event] = []
        while waiting.count >= chunkSamples {
            found += try step(Array(waiting.prefix(chunkSamples)))
            waiting.removeFirst(chunkSamples)
        }
        return found
    }

    /// At the end of the stream: what was waiting for a whole chunk, and what the decoder was still open about.
    func finish() throws -> [Event] {
        let missing = waiting.isEmpty ? 0 : chunkSamples - waiting.count
        return try push([Int16](repeating: 0, count: missing)) + events(decoder.finish())
    }

    private func step(_ chunk: [Int16]) throws -> [Event] {
        let features = frontend.push(chunk)
        let input = contract.input
        var shape = input.shape
        shape[contract.timeAxis] = 1
        shape[contract.timeAxis] = features.count / shape.reduce(1, *)
        var inputs = state.merging(fixed) { own, _ in own }
        inputs[input.name] = try tensor(try bytes(features, dtype: input.dtype), dtype: input.dtype, shape: shape)
        let names = contract.outputs.map(\.name) + contract.states.map(\.output)
        let outputs = try session.run(withInputs: inputs, outputNames: Set(names), runOptions: nil)
        // The loop that the client owns: what came out is what goes in with the next chunk.
        for spec in contract.states {
            state[spec.input] = outputs[spec.output]
        }
        guard let output = outputs[contract.outputs[0].name] else { return [] }
        let values = try output.floats()
        // A probability of speech is one figure for two labels.
        let width = contract.decoder.kind == "vad" ? 1 : try output.shape().last ?? 1
        let rows = stride(from: 0, to: values.count, by: width).map { Array(values[$0..<($0 + width)]) }
        frameS = Double(chunk.count) / Double(contract.sampleRateHz) / Double(rows.count)
        let found = try decoder.push(rows)
        if decoder.ended {
            try reset()
            frontend.reset()
        }
        return events(found)
    }

    private func events(_ found: [Heard]) -> [Event] {
        found.map { Event(label: $0.label, timeS: Double($0.frame + 1) * frameS, score: $0.score, words: $0.words) }
    }
}

private func trie(_ words: Words, _ spec: DecoderSpec) -> Trie {
    Trie(words, letters: spec.labels, longest: spec.maxSymbols)
}

private func searching(
    _ spec: DecoderSpec, _ step: Step, _ words: Trie?, _ frontend: Frontend
) throws -> StreamDecoder {
    if spec.kind == "rnnt" {
        return spec.beam == 1 ? try GreedyRnnt(spec, step) : try BeamRnnt(spec, step)
    }
    guard let words = words, let touch = frontend as? Touch else {
        throw ClientError.unsupported("a trie without a lexicon and a touch front end")
    }
    return try TrieSearch(spec, step, Lexicon(words), touch)
}
