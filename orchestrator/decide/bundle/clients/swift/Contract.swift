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

struct FrontendSpec: Decodable {
    let kind: String
    let contextSamples, windowSamples, hopSamples, fftSize, melCount: Int
    let lowHz, highHz, logFloor: Double
}

struct DecoderSpec: Decodable {
    let kind: String
    let labels, ignored: [String]
    let smoothFrames, refractoryFrames, blank: Int
    let threshold: Double
}

/// contract.json of an Earshot bundle, as far as a client needs it.
struct Contract: Decodable {
    let sampleRateHz: Int
    let frontend: FrontendSpec
    let input: TensorSpec
    let timeAxis: Int
    let states: [StateSpec]
    let outputs: [TensorSpec]
    let decoder: DecoderSpec
}

/// How the candidate ran that won.
struct Configuration: Decodable {
    let threads: Int
    let chunkSamples: Int
    let executionProvider: String
    let sessionOptions: [String: String]
}

/// recommendation.json, as far as a client needs it.
struct Recommendation: Decodable {
    struct File: Decodable {
        let name: String
    }

    let file: File
    let configuration: Configuration
}

/// A file of the bundle.
func read<Value: Decodable>(_ type: Value.Type, from url: URL) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: url))
}
