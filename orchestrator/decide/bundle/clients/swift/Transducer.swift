import Foundation
import OnnxRuntimeBindings

/// What the prediction net remembers of one hypothesis: bytes, in the order of `StepSpec.states`.
typealias States = [Data]

/// What the graph says of a hypothesis: log probabilities of all labels, and the states after its token.
struct Answer {
    let logP: [Double]
    let after: States
}

/// A transducer's second graph, asked one symbol further for all hypotheses in one call.
final class Step {
    private let spec: StepSpec
    private let session: ORTSession

    init(_ spec: StepSpec, _ session: ORTSession) {
        self.spec = spec
        self.session = session
    }

    func fresh() throws -> States {
        try spec.states.map { try filled($0.dtype, shape: $0.shape, with: $0.initial) }
    }

    /// Of hypotheses with the symbol before each and its states.
    func ask(_ asked: [(token: Int, states: States)], _ frame: [Float]) throws -> [Answer] {
        let count = asked.count
        let tokens = try bytes(asked.map { Float($0.token) }, dtype: spec.token.dtype)
        let frames = try bytes(Array(repeating: frame, count: count).flatMap { $0 }, dtype: spec.frame.dtype)
        var inputs = [
            spec.token.name: try tensor(tokens, dtype: spec.token.dtype, shape: [count]),
            spec.frame.name: try tensor(frames, dtype: spec.frame.dtype, shape: [count, frame.count]),
        ]
        for (index, state) in spec.states.enumerated() {
            let rows = asked.reduce(into: Data()) { $0.append($1.states[index]) }
            inputs[state.input] = try tensor(rows, dtype: state.dtype, shape: [count] + state.shape.dropFirst())
        }
        let names = [spec.logits.name] + spec.states.map(\.output)
        let outputs = try session.run(withInputs: inputs, outputNames: Set(names), runOptions: nil)
        guard let logits = try outputs[spec.logits.name]?.floats() else {
            throw ClientError.unsupported("a step graph without \(spec.logits.name)")
        }
        let states = try spec.states.map { try outputs[$0.output]?.data() ?? Data() }
        return (0..<count).map { row in
            let width = logits.count / count
            let own = states.map { $0.subdata(in: (row * $0.count / count)..<((row + 1) * $0.count / count)) }
            return Answer(logP: logSoftmax(Array(logits[(row * width)..<((row + 1) * width)])), after: own)
        }
    }
}

private func logSoftmax(_ row: [Float]) -> [Double] {
    let largest = Double(row.max() ?? 0)
    let sum = log(row.reduce(0.0) { $0 + exp(Double($1) - largest) })
    return row.map { Double($0) - largest - sum }
}

/// log(exp(a) + exp(b)).
func added(_ a: Double, _ b: Double) -> Double {
    let (high, low) = (max(a, b), min(a, b))
    return low == -Double.infinity ? high : high + log1p(exp(low - high))
}

/// The best symbol of each frame until it is the blank, at most `max_symbols` of them.
final class GreedyRnnt: StreamDecoder {
    let ended = false
    private let spec: DecoderSpec
    private let step: Step
    private var said: (token: Int, states: States)
    private var frame = 0

    init(_ spec: DecoderSpec, _ step: Step) throws {
        self.spec = spec
        self.step = step
        said = (spec.blank, try step.fresh())
    }

    func push(_ rows: [[Float]]) throws -> [Heard] {
        var found: [Heard] = []
        for row in rows {
            for _ in 0..<spec.maxSymbols {
                let answer = try step.ask([said], row)[0]
                let best = indexOfGreatest(answer.logP)
                if best == spec.blank { break }
                said = (best, answer.after)
                found.append(Heard(label: spec.labels[best], frame: frame, score: exp(answer.logP[best])))
            }
            frame += 1
        }
        return found
    }

    func finish() -> [Heard] { [] }
}
