import Foundation
import OnnxRuntimeBindings

enum ClientError: Error {
    case unsupported(String)
}

/// A session with the options that were measured.
func openSession(_ model: URL, _ own: Options, in environment: ORTEnv) throws -> ORTSession {
    let options = try ORTSessionOptions()
    try options.setIntraOpNumThreads(Int32(own.threads))
    for (name, text) in own.sessionOptions {
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
    if own.executionProvider == "CoreMLExecutionProvider" {
        try options.appendCoreMLExecutionProvider(with: ORTCoreMLExecutionProviderOptions())
    }
    return try ORTSession(env: environment, modelPath: model.path, sessionOptions: options)
}

/// `values` as the bytes of a tensor of `dtype`.
func bytes(_ values: [Float], dtype: String) throws -> Data {
    switch dtype {
    case "float32": return values.withUnsafeBufferPointer { Data(buffer: $0) }
    case "int64": return values.map { Int64($0) }.withUnsafeBufferPointer { Data(buffer: $0) }
    case "int32": return values.map { Int32($0) }.withUnsafeBufferPointer { Data(buffer: $0) }
    case "int8": return values.map { Int8($0) }.withUnsafeBufferPointer { Data(buffer: $0) }
    case "uint8": return values.map { UInt8($0) }.withUnsafeBufferPointer { Data(buffer: $0) }
    default: throw ClientError.unsupported("a tensor of \(dtype): choose another recipe")
    }
}

func tensor(_ data: Data, dtype: String, shape: [Int]) throws -> ORTValue {
    let types: [String: ORTTensorElementDataType] = [
        "float32": .float, "int64": .int64, "int32": .int32, "int8": .int8, "uint8": .uInt8,
    ]
    guard let type = types[dtype] else { throw ClientError.unsupported("a tensor of \(dtype): choose another recipe") }
    let sizes = shape.map { NSNumber(value: $0) }
    return try ORTValue(tensorData: NSMutableData(data: data), elementType: type, shape: sizes)
}

func filled(_ dtype: String, shape: [Int], with value: Float) throws -> Data {
    try bytes([Float](repeating: value, count: shape.reduce(1, *)), dtype: dtype)
}

extension ORTValue {
    func data() throws -> Data {
        try tensorData() as Data
    }

    func floats() throws -> [Float] {
        try data().withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    func shape() throws -> [Int] {
        try tensorTypeAndShapeInfo().shape.map(\.intValue)
    }
}
