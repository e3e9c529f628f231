import Foundation

/// A graph input or output; `dtype` is one of float32, float16, int64, int32, int8, uint8, bool.
struct TensorSpec: Decodable {
    let name: String
    let shape: [Int]
    let dtype: String
}

/// State that goes in as `input` and comes out as `output`; every element starts at `initial`.
struct StateSpec: Decodable {
    let input: String
    let output: String
    let shape: [Int]
    let dtype: String
    let initial: Float
}

struct Key: Decodable {
    let letter: String
    let x, y: Double
}

struct FrontendSpec: Decodable {
    let kind: String
    let contextSamples, windowSamples, hopSamples, fftSize, melCount: Int
    let lowHz, highHz, logFloor: Double
    let keys: [Key]
    let keyWidth, keyHeight: Double
}

struct DecoderSpec: Decodable {
    let kind: String
    let labels, ignored: [String]
    let smoothFrames, refractoryFrames, blank, beam, maxSymbols, prune: Int
    let threshold, release, priorWeight: Double
}

/// A transducer's second graph; shapes are those of one hypothesis, axis 0 is free.
struct StepSpec: Decodable {
    let token, frame, logits: TensorSpec
    let states: [StateSpec]
}

/// contract.json of an Earshot bundle, as far as a client needs it.
struct Contract: Decodable {
    let sampleRateHz: Int
    let frontend: FrontendSpec
    let input: TensorSpec
    let timeAxis: Int
    let states: [StateSpec]
    let outputs: [TensorSpec]
    let constants: [TensorSpec]
    let constantValues: [String: Float]
    let decoder: DecoderSpec
    let search: StepSpec?
}

/// How one of the bundle's graphs is run.
struct Options: Decodable {
    let threads: Int
    let executionProvider: String
    let sessionOptions: [String: String]
}

/// One of `configurations` in device_support.json; `files` has the graph, a transducer's step, its lexicon.
struct Configuration: Decodable {
    struct File: Decodable {
        let name: String
    }

    let label: String
    let threads: Int
    let executionProvider: String
    let sessionOptions: [String: String]
    let chunkSamples: Int
    let contract: String
    let files: [String: File]
    let step: Options?

    var options: Options {
        Options(threads: threads, executionProvider: executionProvider, sessionOptions: sessionOptions)
    }
}

/// A file of the bundle.
func read<Value: Decodable>(_ type: Value.Type, from url: URL) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: url))
}
