import Foundation

let rootNode = 0
let absentNode = -1

/// Words and how often each occurs.
typealias Words = [String: Double]

/// A CSV file with the columns word and count; words hold neither commas nor quotes.
func readWords(_ file: URL) throws -> Words {
    var words: Words = [:]
    let lines = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
    guard let header = lines.first, header == "word,count" || header.hasPrefix("word,count,") else {
        throw ClientError.unsupported("a word list that does not begin with the line word,count")
    }
    for line in lines.dropFirst() {
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 2, let count = Double(fields[1].trimmingCharacters(in: .whitespaces)), count >= 0 else {
            throw ClientError.unsupported("a line that is not a word and its count: \(line)")
        }
        words[String(fields[0]), default: 0] += count
    }
    return words
}

/// Words as a trie of flat arrays: what can follow a prefix, which prefixes are words, and how frequent they are. Nodes
/// are numbered level by level, in the order of their prefixes, so that the children of a node are neighbours.
final class Trie {
    /// Of each node: natural log of the share of this word among all occurrences, -infinity where it is no word.
    let logP: [Double]
    /// Of each node: the greatest `logP` of the words that begin with it.
    let best: [Double]
    private let letters: [String]
    private let parents: [Int]
    private let labels: [UInt8]
    private let first: [Int]

    /// Over `letters` of one character; longer words than `longest` and those with other letters are left out.
    init(_ words: Words, letters: [String], longest: Int) {
        let spelt = spell(words, letters: letters, longest: longest)
        let nodes = nodesOf(spelt.map(\.text), longest: longest)
        let size = nodes.parents.count
        var first = [Int](repeating: size, count: size + 1)
        for node in stride(from: size - 1, to: rootNode, by: -1) { first[nodes.parents[node]] = node }
        // A node without children begins where the next one's do.
        for node in stride(from: size - 1, through: rootNode, by: -1) where first[node] == size {
            first[node] = first[node + 1]
        }
        var logP = [Double](repeating: -Double.infinity, count: size)
        // One more than counted: a word that was never counted is still a word.
        let total = spelt.reduce(Double(spelt.count)) { $0 + $1.count }
        for (word, end) in zip(spelt, nodes.ends) { logP[end] = log((word.count + 1) / total) }
        var best = logP
        for node in stride(from: size - 1, to: rootNode, by: -1) {
            best[nodes.parents[node]] = max(best[nodes.parents[node]], best[node])
        }
        (self.logP, self.best, self.letters, self.first) = (logP, best, letters, first)
        (parents, labels) = (nodes.parents, nodes.labels)
    }

    func child(_ node: Int, _ label: Int) -> Int {
        (first[node]..<first[node + 1]).first { Int(labels[$0]) == label } ?? absentNode
    }

    /// Labels that can follow, ascending.
    func following(_ node: Int) -> [Int] {
        labels[first[node]..<first[node + 1]].map { Int($0) }
    }

    func spelling(_ node: Int) -> String {
        var (text, at) = ("", node)
        while at != rootNode {
            text = letters[Int(labels[at])] + text
            at = parents[at]
        }
        return text
    }
}

/// The words that can be spelt, each letter as its label, in the order of labels.
private func spell(_ words: Words, letters: [String], longest: Int) -> [(text: [UInt8], count: Double)] {
    var codes: [Character: UInt8] = [:]
    for (label, letter) in letters.enumerated() where letter.count == 1 { codes[Character(letter)] = UInt8(label) }
    var found: [(text: [UInt8], count: Double)] = []
    for (word, count) in words {
        let text = word.compactMap { codes[$0] }
        if !text.isEmpty && text.count <= longest && text.count == word.count { found.append((text, count)) }
    }
    return found.sorted { $0.text.lexicographicallyPrecedes($1.text) }
}

/// Of sorted, distinct words: the parent and label of each node, and the node at which each word ends.
private func nodesOf(_ words: [[UInt8]], longest: Int) -> (parents: [Int], labels: [UInt8], ends: [Int]) {
    var (parents, labels, ends) = ([rootNode], [UInt8(0)], [Int](repeating: rootNode, count: words.count))
    let shared = words.indices.map { n -> Int in
        guard n > 0 else { return 0 }
        return zip(words[n], words[n - 1]).prefix { $0 == $1 }.count
    }
    // What shares its beginning with the word before is where that one is.
    for depth in 0..<longest {
        var last = rootNode
        for (n, word) in words.enumerated() where word.count > depth {
            if depth >= shared[n] {
                parents.append(ends[n])
                labels.append(word[depth])
                last = parents.count - 1
            }
            ends[n] = last
        }
    }
    return (parents, labels, ends)
}
