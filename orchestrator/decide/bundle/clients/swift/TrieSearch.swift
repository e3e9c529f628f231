import Foundation

// What is this many nats less likely is not worth a row of the step graph: one part in a million.
private let worthNats = 14.0
private let toldWords = 8

/// Words of a lexicon, ranked by a transducer: a beam search over prefixes, with all of them in one call of the step. One
/// word for each trace, told when the finger was lifted. Only prefixes of words are followed.
final class TrieSearch: StreamDecoder {
    /// `worth`: prior of the best word that it can become, weighted. `logP`: of all alignments up to a frame. `stay`: log
    /// probability of the blank in this frame; `grow`: of each letter that may follow, best first.
    private final class Prefix {
        let at: Position
        let length: Int
        let token: Int
        let states: States
        let worth: Double
        var logP = -Double.infinity
        var stay = 0.0
        var grow: [(label: Int, logP: Double)] = []
        var after: States = []

        /// What a prefix is ranked by: what it has, and the best that it can still become.
        var value: Double { logP + worth }

        init(at: Position, length: Int, token: Int, states: States, worth: Double) {
            (self.at, self.length, self.token, self.states, self.worth) = (at, length, token, states, worth)
        }
    }

    private(set) var ended = false
    private let spec: DecoderSpec
    private let step: Step
    private let touch: Touch
    private var lexicon: Lexicon
    private var nextLexicon: Lexicon
    private var beam: [Prefix] = []
    private var frame = 0

    init(_ spec: DecoderSpec, _ step: Step, _ lexicon: Lexicon, _ touch: Touch) throws {
        (self.spec, self.step, self.touch) = (spec, step, touch)
        (self.lexicon, nextLexicon) = (lexicon, lexicon)
        try begin()
    }

    /// From the next trace on: a word that is being swiped stays in the list with which it began.
    func use(_ other: Lexicon) throws {
        nextLexicon = other
        if touch.phase != .down { try begin() }
    }

    private func begin() throws {
        lexicon = nextLexicon
        let start = prefix(lexicon.start, 0, spec.blank, try step.fresh())
        start.logP = 0
        beam = [start]
    }

    func push(_ rows: [[Float]]) throws -> [Heard] {
        if touch.phase != .idle {
            for row in rows { beam = try after(row) }
        }
        frame += rows.count
        ended = touch.phase != .down
        return ended ? try finish() : []
    }

    /// A trace that is not over yet is taken as if it were.
    func finish() throws -> [Heard] {
        let found = told()
        try begin()
        return found
    }

    private func told() -> [Heard] {
        if beam.count == 1 && beam[0].length == 0 { return [] }
        let scored = beam.map { (at: $0.at, score: $0.logP + spec.priorWeight * lexicon.logP($0.at)) }
            .filter { $0.score > -Double.infinity }
            .sorted { ($1.score, $0.at) < ($0.score, $1.at) }
        guard let best = scored.first?.score else { return [] }
        let shares = scored.map { exp($0.score - best) }
        let sum = shares.reduce(0, +)
        let words = zip(scored, shares).map { RankedWord(word: lexicon.spelling($0.at), share: $1 / sum) }
        let (label, score) = (words[0].word, words[0].share)
        return [Heard(label: label, frame: max(0, frame - 1), score: score, words: Array(words.prefix(toldWords)))]
    }

    /// In a frame a prefix may stay, or grow letter by letter: what grows is asked too, as long as it could still be among
    /// the best. How likely a prefix is before it stays is known when all that may grow into it are.
    private func after(_ row: [Float]) throws -> [Prefix] {
        var asked = beam
        let entered = Dictionary(uniqueKeysWithValues: beam.map { ($0.at, $0.logP) })
        var new = beam
        while !new.isEmpty {
            try ask(new, row)
            new = promising(asked, entered)
            asked += new
        }
        for prefix in asked { prefix.logP += prefix.stay }
        let best = asked.sorted { $0.value > $1.value }.prefix(spec.beam)
        let worth = best.filter { $0.value >= best[0].value - worthNats }
        return worth.isEmpty ? Array(best.prefix(1)) : Array(worth)
    }

    /// New prefixes that may be among the best after this frame: one can only lose by staying, so it must be better now
    /// than the beam's last is after that.
    private func promising(_ asked: [Prefix], _ entered: [Position: Double]) -> [Prefix] {
        let (total, unasked) = flow(asked, entered)
        let stayed = asked.map { $0.value + $0.stay }.sorted(by: >)
        let last = stayed.count >= spec.beam ? stayed[spec.beam - 1] : -Double.infinity
        let least = max(stayed[0] - worthNats, last)
        let found = unasked.map { at, from in
            (at: at, from: from, value: (total[at] ?? -Double.infinity) + spec.priorWeight * lexicon.best(at))
        }
        return found.filter { $0.value > least }
            .sorted { ($1.value, $0.at) < ($0.value, $1.at) }
            .prefix(spec.beam)
            .map { prefix($0.at, $0.from.parent.length + 1, $0.from.label, $0.from.parent.after) }
    }

    /// Sets each prefix's `logP` before it stays, shorter ones first. The log probabilities of all that were reached, and
    /// the parent and letter of those not asked yet.
    private func flow(
        _ asked: [Prefix], _ entered: [Position: Double]
    ) -> (total: [Position: Double], unasked: [Position: (parent: Prefix, label: Int)]) {
        var total = entered
        var unasked: [Position: (parent: Prefix, label: Int)] = [:]
        let known = Set(asked.map(\.at))
        for prefix in asked.sorted(by: { $0.length < $1.length }) {
            prefix.logP = total[prefix.at] ?? -Double.infinity
            for (label, logP) in prefix.grow {
                let longer = lexicon.child(prefix.at, label)
                let reached = prefix.logP + logP
                total[longer] = total[longer].map { added($0, reached) } ?? reached
                if !known.contains(longer) { unasked[longer] = (prefix, label) }
            }
        }
        return (total, unasked)
    }

    private func prefix(_ at: Position, _ length: Int, _ token: Int, _ states: States) -> Prefix {
        Prefix(at: at, length: length, token: token, states: states, worth: spec.priorWeight * lexicon.best(at))
    }

    /// Sets what each prefix may do in this frame, and the states after its token.
    private func ask(_ prefixes: [Prefix], _ row: [Float]) throws {
        let answers = try step.ask(prefixes.map { ($0.token, $0.states) }, row)
        for (prefix, answer) in zip(prefixes, answers) {
            let letters = prefix.length < spec.maxSymbols ? lexicon.following(prefix.at) : []
            let likely = letters.map { (label: $0, logP: answer.logP[$0]) }.sorted { $0.logP > $1.logP }
            prefix.grow = likely.prefix(spec.prune).filter { $0.logP > -worthNats }
            prefix.stay = answer.logP[spec.blank]
            prefix.after = answer.after
        }
    }
}
