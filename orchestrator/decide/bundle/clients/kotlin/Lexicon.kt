package earshot.stream

import kotlin.math.ln

// Of ten words that somebody types, about one is theirs rather than the language's: names, terms, slang.
private const val USER_SHARE = 0.1

/** A node in the general list and one in the user's, ABSENT where it has no such prefix. */
data class Position(val general: Int, val user: Int) : Comparable<Position> {
    override fun compareTo(other: Position) = compareValuesBy(this, other, Position::general, Position::user)
}

/** A word list and a user's own beside it, followed together. A word's probability is a mixture of what both give it. */
class Lexicon(private val general: Trie, private val user: Trie? = null) {
    val start = Position(ROOT, if (user == null) ABSENT else ROOT)
    private val generalShare = if (user == null) 0.0 else ln(1 - USER_SHARE)
    private val userShare = ln(USER_SHARE)

    fun child(at: Position, label: Int) = Position(
        if (at.general == ABSENT) ABSENT else general.child(at.general, label),
        if (at.user == ABSENT) ABSENT else users().child(at.user, label),
    )

    /** Labels that can follow, ascending. */
    fun following(at: Position): List<Int> {
        val labels = if (at.general == ABSENT) emptyList() else general.following(at.general)
        return if (at.user == ABSENT) labels else (labels + users().following(at.user)).distinct().sorted()
    }

    /** -infinity where the prefix is no word. */
    fun logP(at: Position) = mixed(at, Trie::logP)

    /** No word with this prefix has a greater [logP]. */
    fun best(at: Position) = mixed(at, Trie::best)

    fun spelling(at: Position) = if (at.general == ABSENT) users().spelling(at.user) else general.spelling(at.general)

    private fun mixed(at: Position, of: (Trie) -> DoubleArray): Double {
        val general = if (at.general == ABSENT) Double.NEGATIVE_INFINITY else of(general)[at.general] + generalShare
        return if (at.user == ABSENT) general else added(general, of(users())[at.user] + userShare)
    }

    private fun users() = checkNotNull(user)
}
