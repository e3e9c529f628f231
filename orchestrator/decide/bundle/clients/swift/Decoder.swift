import Foundation

/// A word that a trace may mean, with its share of the probability.
struct RankedWord {
    let word: String
    let share: Double
}

/// `frame`: index of the output frame in the stream. `words`: where words are ranked, the best first.
struct Heard {
    let label: String
    let frame: Int
    let score: Double
    var words: [RankedWord] = []
}

/// What turns the graph's first output, a row for each frame, into events.
protocol StreamDecoder: AnyObject {
    /// The input was at rest or came to rest: graph and front end begin anew with the next chunk.
    var ended: Bool { get }
    func push(_ rows: [[Float]]) throws -> [Heard]
    /// What was still open at the end of the stream.
    func finish() throws -> [Heard]
}

/// Of one graph; the searches are in Transducer.swift, BeamRnnt.swift and TrieSearch.swift.
func makeDecoder(_ spec: DecoderSpec) -> StreamDecoder {
    switch spec.kind {
    case "keyword": return Keywords(spec)
    case "ctc": return GreedyCtc(spec)
    case "vad": return VoiceActivity(spec)
    default: return ByFrame(spec)
    }
}

private func softmax(_ row: [Float]) -> [Double] {
    let largest = Double(row.max() ?? 0)
    let powers = row.map { exp(Double($0) - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}

/// Takes frame by frame and counts them; by itself for a model whose output is not events.
class ByFrame: StreamDecoder {
    let ended = false
    fileprivate let spec: DecoderSpec
    fileprivate var frame = 0

    init(_ spec: DecoderSpec) {
        self.spec = spec
    }

    func push(_ rows: [[Float]]) -> [Heard] {
        var found: [Heard] = []
        for row in rows {
            found += take(row)
            frame += 1
        }
        return found
    }

    fileprivate func take(_ row: [Float]) -> [Heard] { [] }

    func finish() -> [Heard] { [] }
}

/// Posteriors averaged over the last frames; a label fires where its average reaches the threshold.
final class Keywords: ByFrame {
    private var last: [[Double]] = []
    private var quietUntil: [String: Int] = [:]

    override fileprivate func take(_ row: [Float]) -> [Heard] {
        var found: [Heard] = []
        last = Array((last + [softmax(row)]).suffix(spec.smoothFrames))
        for (index, label) in spec.labels.enumerated() {
            let score = last.reduce(0.0) { $0 + $1[index] } / Double(spec.smoothFrames)
            let fires = !spec.ignored.contains(label) && score >= spec.threshold
            if fires && frame >= quietUntil[label, default: 0] {
                quietUntil[label] = frame + spec.refractoryFrames
                found.append(Heard(label: label, frame: frame, score: score))
            }
        }
        return found
    }
}

/// The best class of each frame, repeats merged, blanks dropped.
final class GreedyCtc: ByFrame {
    private var last: Int

    override init(_ spec: DecoderSpec) {
        last = spec.blank
        super.init(spec)
    }

    override fileprivate func take(_ row: [Float]) -> [Heard] {
        let best = indexOfGreatest(row)
        let isNew = best != last && best != spec.blank
        last = best
        return isNew ? [Heard(label: spec.labels[best], frame: frame, score: softmax(row)[best])] : []
    }
}

/// The first of them, as everywhere in Earshot.
func indexOfGreatest<Number: Comparable>(_ row: [Number]) -> Int {
    row.indices.reduce(0) { row[$1] > row[$0] ? $1 : $0 }
}

/// Rows are a probability of speech. It begins at `threshold` and has ended after `refractory_frames` frames in a row
/// below `release`; scores are those of the first frame that said so.
final class VoiceActivity: ByFrame {
    private var speaking = false
    private var quiet: (since: Int, score: Double)?

    override fileprivate func take(_ row: [Float]) -> [Heard] {
        let probability = Double(row[0])
        if !speaking {
            speaking = probability >= spec.threshold
            return speaking ? [Heard(label: spec.labels[0], frame: frame, score: probability)] : []
        }
        if probability >= spec.release {
            quiet = nil
            return []
        }
        let began = quiet ?? (since: frame, score: 1 - probability)
        quiet = began
        if frame - began.since + 1 < spec.refractoryFrames { return [] }
        speaking = false
        quiet = nil
        return [Heard(label: spec.labels[1], frame: frame, score: began.score)]
    }
}
