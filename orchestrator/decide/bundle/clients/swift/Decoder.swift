import Foundation

/// `frame`: index of the output frame in the stream.
struct Heard {
    let label: String
    let frame: Int
    let score: Double
}

/// What turns the graph's first output, frames of logits, into events.
protocol Decoder: AnyObject {
    func push(_ logits: [Float]) -> [Heard]
}

func makeDecoder(_ spec: DecoderSpec) -> Decoder {
    switch spec.kind {
    case "keyword": return Keywords(spec)
    case "ctc": return GreedyCtc(spec)
    default: return NoDecoder()
    }
}

private func rows(_ logits: [Float], width: Int) -> [[Double]] {
    stride(from: 0, to: logits.count, by: width).map { logits[$0..<($0 + width)].map(Double.init) }
}

private func softmax(_ row: [Double]) -> [Double] {
    let largest = row.max() ?? 0
    let powers = row.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}

final class NoDecoder: Decoder {
    func push(_ logits: [Float]) -> [Heard] { [] }
}

/// Posteriors averaged over the last frames; a label fires where its average reaches the threshold.
final class Keywords: Decoder {
    private let spec: DecoderSpec
    private var last: [[Double]] = []
    private var quietUntil: [String: Int] = [:]
    private var frame = 0

    init(_ spec: DecoderSpec) {
        self.spec = spec
    }

    func push(_ logits: [Float]) -> [Heard] {
        var found: [Heard] = []
        for row in rows(logits, width: spec.labels.count) {
            last = Array((last + [softmax(row)]).suffix(spec.smoothFrames))
            for (index, label) in spec.labels.enumerated() {
                let score = last.reduce(0.0) { $0 + $1[index] } / Double(spec.smoothFrames)
                let fires = !spec.ignored.contains(label) && score >= spec.threshold
                if fires && frame >= quietUntil[label, default: 0] {
                    quietUntil[label] = frame + spec.refractoryFrames
                    found.append(Heard(label: label, frame: frame, score: score))
                }
            }
            frame += 1
        }
        return found
    }
}

/// The best class of each frame, repeats merged, blanks dropped.
final class GreedyCtc: Decoder {
    private let spec: DecoderSpec
    private var last: Int
    private var frame = 0

    init(_ spec: DecoderSpec) {
        self.spec = spec
        last = spec.blank
    }

    func push(_ logits: [Float]) -> [Heard] {
        var found: [Heard] = []
        for row in rows(logits, width: spec.labels.count) {
            let best = row.indices.max { row[$0] < row[$1] } ?? spec.blank
            if best != last && best != spec.blank {
                found.append(Heard(label: spec.labels[best], frame: frame, score: softmax(row)[best]))
            }
            last = best
            frame += 1
        }
        return found
    }
}
