package earshot.stream

import java.io.File
import kotlin.math.ln

const val ROOT = 0
const val ABSENT = -1
private const val NO_LABEL = '\uFFFF'

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
            val isHeader = line.split(",").take(2) == listOf("word", "count")
            require(isHeader) { "$name must begin with the line word,count, not $line" }
        } else if (line.isNotEmpty()) {
            val (word, count) = fields(line)
            require(count != null && count >= 0) { "line ${n + 1} of $name must be a word and its count, not $line" }
            words.merge(word, count, Double::plus)
        }
    }
    return words
}

private fun fields(line: String): Pair<String, Double?> {
    if ('"' in line) {
        val (quoted, plain, text) = LINE.matchEntire(line)?.destructured ?: return line to null
        return plain.ifEmpty { quoted.replace("\"\"", "\"") } to text.trim().toDoubleOrNull()
    }
    val comma = line.indexOf(',')
    val count = line.substring(comma + 1).substringBefore(',')
    return line.substring(0, maxOf(comma, 0)) to if (comma < 0) null else count.trim().toDoubleOrNull()
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
        val shared = IntArray(spelt.size)
        for (n in 1 until spelt.size) shared[n] = spelt[n].text.commonPrefixWith(spelt[n - 1].text).length
        val size = 1 + spelt.indices.sumOf { spelt[it].text.length - shared[it] }
        parents = IntArray(size)
        labelOf = IntArray(size)
        val ends = place(spelt, shared, longest)
        first = IntArray(size + 1) { size }
        for (node in size - 1 downTo 1) first[parents[node]] = node
        // A node without children begins where the next one's do.
        for (node in size - 1 downTo 0) if (first[node] == size) first[node] = first[node + 1]
        logP = DoubleArray(size) { Double.NEGATIVE_INFINITY }
        // One more than counted: a word that was never counted is still a word.
        val total = spelt.sumOf { it.count } + spelt.size
        spelt.forEachIndexed { n, word -> logP[ends[n]] = ln((word.count + 1) / total) }
        best = logP.copyOf()
        for (node in size - 1 downTo 1) best[parents[node]] = maxOf(best[parents[node]], best[node])
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
        val found = ArrayList<Spelt>(words.size)
        for ((word, count) in words) {
            val text = CharArray(word.length) { codes[word[it]] ?: NO_LABEL }
            if (text.size in 1..longest && NO_LABEL !in text) found += Spelt(String(text), count)
        }
        return found.apply { sortBy { it.text } }
    }

    /** Sets the parent and label of each node, of sorted, distinct words; returns the node at which each word ends. */
    private fun place(words: List<Spelt>, shared: IntArray, longest: Int): IntArray {
        val ends = IntArray(words.size)
        var next = 1
        // What shares its beginning with the word before is where that one is.
        for (depth in 0 until longest) {
            var last = ROOT
            for (n in words.indices) {
                val text = words[n].text
                if (text.length <= depth) continue
                if (depth >= shared[n]) {
                    parents[next] = ends[n]
                    labelOf[next] = text[depth].code
                    last = next++
                }
                ends[n] = last
            }
        }
        return ends
    }
}
