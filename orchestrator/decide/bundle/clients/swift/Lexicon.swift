import Foundation

// Of ten words that somebody types, about one is theirs rather than the language's: names, terms, slang.
private let userShare = 0.1

/// A node in the general list and one in the user's, `absentNode` where it has no such prefix.
struct Position: Hashable, Comparable {
    let general: Int
    let user: Int

    static func < (a: Position, b: Position) -> Bool {
        (a.general, a.user) < (b.general, b.user)
    }
}

/// A word list and a user's own beside it, followed together. A word's probability is a mixture of what both give it.
final class Lexicon {
    let start: Position
    private let general: Trie
    private let user: Trie?

    init(_ general: Trie, user: Trie? = nil) {
        self.general = general
        self.user = user
        start = Position(general: rootNode, user: user == nil ? absentNode : rootNode)
    }

    func child(_ at: Position, _ label: Int) -> Position {
        Position(
            general: at.general == absentNode ? absentNode : general.child(at.general, label),
            user: at.user == absentNode ? absentNode : user?.child(at.user, label) ?? absentNode)
    }

    /// Labels that can follow, ascending.
    func following(_ at: Position) -> [Int] {
        let labels = at.general == absentNode ? [] : general.following(at.general)
        guard at.user != absentNode, let user = user else { return labels }
        return Set(labels + user.following(at.user)).sorted()
    }

    /// -infinity where the prefix is no word.
    func logP(_ at: Position) -> Double { mixed(at) { $0.logP } }

    /// No word with this prefix has a greater `logP`.
    func best(_ at: Position) -> Double { mixed(at) { $0.best } }

    func spelling(_ at: Position) -> String {
        at.general == absentNode ? user?.spelling(at.user) ?? "" : general.spelling(at.general)
    }

    private func mixed(_ at: Position, _ of: (Trie) -> [Double]) -> Double {
        let share = user == nil ? 0 : log(1 - userShare)
        let ofGeneral = at.general == absentNode ? -Double.infinity : of(general)[at.general] + share
        guard at.user != absentNode, let user = user else { return ofGeneral }
        return added(ofGeneral, of(user)[at.user] + log(userShare))
    }
}
