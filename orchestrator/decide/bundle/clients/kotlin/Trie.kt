package earshot.stream

import java.io.File
import kotlin.math.ln

const val ROOT = 0
const val ABSENT = -1

/** Words and how often each occurs. */
typealias Words = Map<String, Double>

// A field is quoted, with quotes doubled in it, or has none.
private val LINE = Regex("^(?:\"((?:[^\"]|\"\")*)\"|([^,\"]*)),\\s*([^,]*).*")

/** A CSV file with the columns word and count. */
fun readWords(file: File): Words = file.useLines { readWords(it, file.name) }

private fun readWords(lines: Sequence<String>, name: String): Words {
    val words = LinkedHashMap<String, Double>()
    lines.forEachIndexed { n, line ->
        if (n == 0) {
            require(line.split(",").take(2) == listOf("word", "count")) { "$name must begin with the line word,count, not $line" }
        } else if (line.isNotEmpty()) {
            val (quoted, plain, text) = LINE.matchEntire(line)?.destructured ?: error("line ${n + 1} of $name: $line")
            val count = text.trim().toDoubleOrNull()
            require(count != null && count >= 0) { "line ${n + 1} of $name must be a word and its count, not $line" }
            words.merge(plain.ifEmpty { quoted.replace("\"\"", "\"") }, count, Double::plus)
        }
    }
    return words
}

/**
 * Words as a trie of flat arrays: what can follow a prefix, which prefixes are words, and how frequent they are. Nodes are
 * numbered level by level, in the order of their prefixes, so that the children of a node are neighbours.
 *
 * Over [letters] of one character; words longer than `longest` and those with other letters are left out.
 */
class Trie(words: Words, private val letters: List<String>, longest: Int) {
    private class Spelt(val text: String, val count: Double)

    private val parents: IntArray
    private val labelOf: IntArray
    private val first: IntArray

    /** Of each node: natural log of the share of this word among all occurrences, -infinity where it is no word. */
    val logP: DoubleArray

    /** Of each node: the greatest [logP] of the words that begin with it. */
    val best: DoubleArray

    init {
        val spelt = spell(words, longest)
        val ends = IntArray(spelt.size)
        val nodes = nodes(spelt, ends, longest)
        parents = IntArray(nodes.size) { nodes[it].first }
        labelOf = IntArray(nodes.size) { nodes[it].second }
        first = IntArray(nodes.size + 1) { nodes.size }
        for (node in nodes.lastIndex downTo 1) first[parents[node]] = node
        // A node without children begins where the next one's do.
        for (node in nodes.lastIndex downTo 0) if (first[node] == nodes.size) first[node] = first[node + 1]
        logP = DoubleArray(nodes.size) { Double.NEGATIVE_INFINITY }
        // One more than counted: a word that was never counted is still a word.
        val total = spelt.sumOf { it.count } + spelt.size
        spelt.forEachIndexed { n, word -> logP[ends[n]] = ln((word.count + 1) / total) }
        best = logP.copyOf()
        for (node in nodes.lastIndex downTo 1) best[parents[node]] = maxOf(best[parents[node]], best[node])
    }

    fun child(node: Int, label: Int): Int = children(node).firstOrNull { labelOf[it] == label } ?: ABSENT

    /** Labels that can follow, ascending. */
    fun following(node: Int): List<Int> = children(node).map { labelOf[it] }

    fun spelling(node: Int): String {
        val text = StringBuilder()
        var at = node
        while (at != ROOT) {
            text.append(letters[labelOf[at]])
            at = parents[at]
        }
        return text.reverse().toString()
    }

    private fun children(node: Int) = first[node] until first[node + 1]

    /** The words that can be spelt, each letter as its label, in the order of labels. */
    private fun spell(words: Words, longest: Int): List<Spelt> {
        val codes = letters.withIndex().filter { it.value.length == 1 }.associate { it.value[0] to it.index.toChar() }
        return words.filterKeys { word -> word.length in 1..longest && word.all(codes::containsKey) }
            .map { (word, count) -> Spelt(word.map(codes::getValue).joinToString(""), count) }
            .sortedBy { it.text }
    }

    /** Of sorted, distinct words: the parent and label of each node; in [ends], the node at which each word ends. */
    private fun nodes(words: List<Spelt>, ends: IntArray, longest: Int): List<Pair<Int, Int>> {
        val nodes = arrayListOf(ROOT to 0)
        val shared = IntArray(words.size) { if (it == 0) 0 else words[it].text.commonPrefixWith(words[it - 1].text).length }
        // What shares its beginning with the word before is where that one is.
        for (depth in 0 until longest) {
            var last = ROOT
            words.forEachIndexed { n, word ->
                if (word.text.length > depth) {
                    if (depth >= shared[n]) {
                        nodes += ends[n] to word.text[depth].code
                        last = nodes.lastIndex
                    }
                    ends[n] = last
                }
            }
        }
        return nodes
    }
}
