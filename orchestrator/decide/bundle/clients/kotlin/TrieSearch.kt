package earshot.stream

import org.json.JSONObject
import kotlin.math.exp

// What is this many nats less likely is not worth a row of the step graph: one part in a million.
private const val WORTH_NATS = 14.0
private const val TOLD_WORDS = 8

/**
 * Words of a lexicon, ranked by a transducer: a beam search over prefixes, with all of them in one call of the step. One
 * word for each trace, told when the finger was lifted. Only prefixes of words are followed.
 */
class TrieSearch(
    spec: JSONObject,
    private val step: Step,
    private var lexicon: Lexicon,
    private val touch: Touch,
) : Decoder {
    /** [worth]: prior of the best word that it can become, weighted. */
    private class Prefix(
        val at: Position,
        val length: Int,
        override val token: Int,
        override val states: List<Any>,
        val worth: Double,
    ) : Asked {
        /** Of all alignments up to a frame. */
        var logP = Double.NEGATIVE_INFINITY

        /** Log probability of the blank in this frame. */
        var stay = 0.0

        /** Letters that may follow in this frame, with their log probabilities, best first. */
        var grow: List<Pair<Int, Double>> = emptyList()
        var after: List<Any> = emptyList()

        /** What a prefix is ranked by: what it has, and the best that it can still become. */
        fun value() = logP + worth
    }

    private class Grown(val at: Position, val parent: Prefix, val label: Int, val value: Double)

    private val blank = spec.getInt("blank")
    private val width = spec.getInt("beam")
    private val prune = spec.getInt("prune")
    private val longest = spec.getInt("max_symbols")
    private val weight = spec.getDouble("prior_weight")
    private var nextLexicon = lexicon
    private var beam = listOf(root())
    private var frame = 0

    override var ended = false
        private set

    /** From the next trace on: a word that is being swiped stays in the list with which it began. */
    fun use(other: Lexicon) {
        nextLexicon = other
        if (touch.phase != Phase.DOWN) begin()
    }

    private fun begin() {
        lexicon = nextLexicon
        beam = listOf(root())
    }

    private fun root() = prefix(lexicon.start, 0, blank, step.fresh()).also { it.logP = 0.0 }

    override fun push(rows: List<FloatArray>): List<Heard> {
        if (touch.phase != Phase.IDLE) rows.forEach { beam = after(it) }
        frame += rows.size
        ended = touch.phase != Phase.DOWN
        return if (ended) finish() else emptyList()
    }

    /** A trace that is not over yet is taken as if it were. */
    override fun finish(): List<Heard> = told().also { begin() }

    private fun told(): List<Heard> {
        if (beam.size == 1 && beam.first().length == 0) return emptyList()
        val scored = beam.map { it.at to it.logP + weight * lexicon.logP(it.at) }
            .filter { (_, score) -> score > Double.NEGATIVE_INFINITY }
            .sortedWith(compareByDescending<Pair<Position, Double>> { it.second }.thenBy { it.first })
        val shares = scored.map { (_, score) -> exp(score - scored.first().second) }
        val words = scored.indices.map { RankedWord(lexicon.spelling(scored[it].first), shares[it] / shares.sum()) }
        val best = words.firstOrNull() ?: return emptyList()
        return listOf(Heard(best.word, maxOf(0, frame - 1), best.share, words.take(TOLD_WORDS)))
    }

    /**
     * In a frame a prefix may stay, or grow letter by letter: what grows is asked too, as long as it could still be among
     * the best. How likely a prefix is before it stays is known when all that may grow into it are.
     */
    private fun after(row: FloatArray): List<Prefix> {
        val asked = beam.associateByTo(LinkedHashMap()) { it.at }
        val entered = beam.associate { it.at to it.logP }
        var new = beam
        while (new.isNotEmpty()) {
            ask(new, row)
            new = promising(asked, entered)
            new.associateByTo(asked) { it.at }
        }
        for (prefix in asked.values) prefix.logP += prefix.stay
        val best = asked.values.sortedByDescending { it.value() }.take(width)
        return best.filter { it.value() >= best.first().value() - WORTH_NATS }.ifEmpty { best.take(1) }
    }

    /**
     * New prefixes that may be among the best after this frame: one can only lose by staying, so it must be better now than
     * the beam's last is after that.
     */
    private fun promising(asked: Map<Position, Prefix>, entered: Map<Position, Double>): List<Prefix> {
        val (total, unasked) = flow(asked, entered)
        val stayed = asked.values.map { it.value() + it.stay }.sortedDescending()
        val least = maxOf(stayed.first() - WORTH_NATS, stayed.getOrElse(width - 1) { Double.NEGATIVE_INFINITY })
        fun valueOf(at: Position) = total.getValue(at) + weight * lexicon.best(at)
        return unasked.map { (at, from) -> Grown(at, from.first, from.second, valueOf(at)) }
            .filter { it.value > least }
            .sortedWith(compareByDescending<Grown> { it.value }.thenBy { it.at })
            .take(width)
            .map { prefix(it.at, it.parent.length + 1, it.label, it.parent.after) }
    }

    /**
     * Sets each prefix's `logP` before it stays, shorter ones first. The log probabilities of all that were reached, and the
     * parent and letter of those not asked yet.
     */
    private fun flow(
        asked: Map<Position, Prefix>,
        entered: Map<Position, Double>,
    ): Pair<Map<Position, Double>, Map<Position, Pair<Prefix, Int>>> {
        val total = HashMap(entered)
        val unasked = LinkedHashMap<Position, Pair<Prefix, Int>>()
        for (prefix in asked.values.sortedBy { it.length }) {
            prefix.logP = total.getValue(prefix.at)
            for ((label, logP) in prefix.grow) {
                val longer = lexicon.child(prefix.at, label)
                total.merge(longer, prefix.logP + logP, ::added)
                if (longer !in asked) unasked[longer] = prefix to label
            }
        }
        return total to unasked
    }

    private fun prefix(at: Position, length: Int, token: Int, states: List<Any>) =
        Prefix(at, length, token, states, weight * lexicon.best(at))

    /** Sets what each prefix may do in this frame, and the states after its token. */
    private fun ask(prefixes: List<Prefix>, row: FloatArray) {
        for ((prefix, answer) in prefixes.zip(step.ask(prefixes, row))) {
            val letters = if (prefix.length < longest) lexicon.following(prefix.at) else emptyList()
            prefix.grow = letters.map { it to answer.logP[it] }
                .sortedByDescending { (_, logP) -> logP }
                .take(prune)
                .filter { (_, logP) -> logP > -WORTH_NATS }
            prefix.stay = answer.logP[blank]
            prefix.after = answer.after
        }
    }
}
