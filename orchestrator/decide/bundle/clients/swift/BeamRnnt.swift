import Foundation

/// Beam search over a transducer: in each frame every hypothesis may stay or grow by up to `max_symbols` symbols; those
/// with the same text are one, with their probabilities added. A symbol is told as soon as all hypotheses have it.
final class BeamRnnt: StreamDecoder {
    private struct Symbol {
        let label: Int
        let score: Double
    }

    /// `symbols`: since the last that all hypotheses share.
    private struct Hypothesis {
        var logP: Double
        var symbols: [Symbol]
        let token: Int
        let states: States

        var text: [Int] { symbols.map(\.label) }
    }

    /// Hypotheses by their text, in the order in which they were found.
    private struct Found {
        private(set) var all: [Hypothesis] = []
        private var places: [[Int]: Int] = [:]

        /// Another way to the same text: probabilities add up, and the likelier way tells the symbols.
        mutating func merge(_ hypothesis: Hypothesis, _ logP: Double) {
            guard let place = places[hypothesis.text] else {
                places[hypothesis.text] = all.count
                all.append(hypothesis)
                all[all.count - 1].logP = logP
                return
            }
            if logP > all[place].logP { all[place].symbols = hypothesis.symbols }
            all[place].logP = added(all[place].logP, logP)
        }
    }

    let ended = false
    private let spec: DecoderSpec
    private let step: Step
    private var beam: [Hypothesis]
    private var frame = 0

    init(_ spec: DecoderSpec, _ step: Step) throws {
        self.spec = spec
        self.step = step
        beam = [Hypothesis(logP: 0, symbols: [], token: spec.blank, states: try step.fresh())]
    }

    func push(_ rows: [[Float]]) throws -> [Heard] {
        var found: [Heard] = []
        for row in rows {
            beam = try after(row)
            found += settled()
            frame += 1
        }
        return found
    }

    /// The symbols of the best hypothesis that were not settled yet.
    func finish() -> [Heard] {
        beam[0].symbols.map { heard($0, max(0, frame - 1)) }
    }

    private func after(_ row: [Float]) throws -> [Hypothesis] {
        var stayed = Found()
        var growing = beam
        for grown in 0...spec.maxSymbols {
            let answers = try step.ask(growing.map { ($0.token, $0.states) }, row)
            for (hypothesis, answer) in zip(growing, answers) {
                stayed.merge(hypothesis, hypothesis.logP + answer.logP[spec.blank])
            }
            let best = stayed.all.map(\.logP).sorted(by: >)
            let least = best.count >= spec.beam ? best[spec.beam - 1] : -Double.infinity
            growing = grown < spec.maxSymbols ? self.grown(growing, answers, least) : []
            if growing.isEmpty { break }
        }
        return Array(stayed.all.sorted { $0.logP > $1.logP }.prefix(spec.beam))
    }

    /// The best ways to grow by one symbol that are better than `least`.
    private func grown(_ growing: [Hypothesis], _ answers: [Answer], _ least: Double) -> [Hypothesis] {
        var ways: [(row: Int, label: Int, total: Double)] = []
        for (row, hypothesis) in growing.enumerated() {
            for (label, logP) in answers[row].logP.enumerated() where label != spec.blank {
                ways.append((row, label, hypothesis.logP + logP))
            }
        }
        var found = Found()
        for way in ways.filter({ $0.total > least }).sorted(by: { $0.total > $1.total }).prefix(spec.beam) {
            let symbol = Symbol(label: way.label, score: exp(answers[way.row].logP[way.label]))
            let symbols = growing[way.row].symbols + [symbol]
            let after = answers[way.row].after
            found.merge(Hypothesis(logP: way.total, symbols: symbols, token: way.label, states: after), way.total)
        }
        return found.all
    }

    private func settled() -> [Heard] {
        let first = beam[0].symbols
        var shared = 0
        while shared < first.count,
            beam.allSatisfy({ $0.symbols.count > shared && $0.symbols[shared].label == first[shared].label })
        {
            shared += 1
        }
        // Only differences matter, and a stream has no end.
        let best = beam[0].logP
        for index in beam.indices {
            beam[index].symbols.removeFirst(shared)
            beam[index].logP -= best
        }
        return first.prefix(shared).map { heard($0, frame) }
    }

    private func heard(_ symbol: Symbol, _ frame: Int) -> Heard {
        Heard(label: spec.labels[symbol.label], frame: frame, score: symbol.score)
    }
}
