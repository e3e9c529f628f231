package earshot.stream

import org.json.JSONObject
import kotlin.math.exp

/**
 * Beam search over a transducer: in each frame every hypothesis may stay or grow by up to `max_symbols` symbols; those
 * with the same text are one, with their probabilities added. A symbol is told as soon as all hypotheses have it.
 */
class BeamRnnt(spec: JSONObject, private val step: Step) : Decoder {
    private class Symbol(val label: Int, val score: Double)

    /** [symbols]: since the last that all hypotheses share. */
    private class Hypothesis(
        var logP: Double,
        var symbols: List<Symbol>,
        override val token: Int,
        override val states: List<Any>,
    ) : Asked

    private class Way(val row: Int, val label: Int, val logP: Double, val total: Double)

    private val labels = spec.getJSONArray("labels").strings()
    private val blank = spec.getInt("blank")
    private val most = spec.getInt("max_symbols")
    private val width = spec.getInt("beam")
    private var beam = listOf(Hypothesis(0.0, emptyList(), blank, step.fresh()))
    private var frame = 0

    override fun push(rows: List<FloatArray>): List<Heard> = rows.flatMap { row ->
        beam = after(row)
        settled().also { frame++ }
    }

    /** The symbols of the best hypothesis that were not settled yet. */
    override fun finish(): List<Heard> = beam.first().symbols.map { heard(it, maxOf(0, frame - 1)) }

    private fun after(row: FloatArray): List<Hypothesis> {
        val stayed = LinkedHashMap<List<Int>, Hypothesis>()
        var growing = beam
        for (grown in 0..most) {
            val answers = step.ask(growing, row)
            growing.zip(answers) { hypothesis, answer -> merge(stayed, hypothesis, hypothesis.logP + answer.logP[blank]) }
            val least = stayed.values.map { it.logP }.sortedDescending().getOrElse(width - 1) { Double.NEGATIVE_INFINITY }
            growing = if (grown < most) grown(growing, answers, least) else emptyList()
            if (growing.isEmpty()) break
        }
        return stayed.values.sortedByDescending { it.logP }.take(width)
    }

    /** The best ways to grow by one symbol that are better than [least]. */
    private fun grown(growing: List<Hypothesis>, answers: List<Answer>, least: Double): List<Hypothesis> {
        val ways = growing.flatMapIndexed { row, hypothesis ->
            answers[row].logP.mapIndexed { label, logP -> Way(row, label, logP, hypothesis.logP + logP) }
        }
        val found = LinkedHashMap<List<Int>, Hypothesis>()
        val better = ways.filter { it.label != blank && it.total > least }
        for (way in better.sortedByDescending { it.total }.take(width)) {
            val symbols = growing[way.row].symbols + Symbol(way.label, exp(way.logP))
            merge(found, Hypothesis(way.total, symbols, way.label, answers[way.row].after), way.total)
        }
        return found.values.toList()
    }

    /** Another way to the same text: probabilities add up, and the likelier way tells the symbols. */
    private fun merge(found: MutableMap<List<Int>, Hypothesis>, of: Hypothesis, logP: Double) {
        val text = of.symbols.map { it.label }
        val known = found[text]
        if (known == null) {
            found[text] = Hypothesis(logP, of.symbols, of.token, of.states)
            return
        }
        if (logP > known.logP) known.symbols = of.symbols
        known.logP = added(known.logP, logP)
    }

    private fun settled(): List<Heard> {
        val first = beam.first().symbols
        val shared = first.indices.takeWhile { n -> beam.all { it.symbols.getOrNull(n)?.label == first[n].label } }.size
        // Only differences matter, and a stream has no end.
        val best = beam.first().logP
        for (hypothesis in beam) {
            hypothesis.symbols = hypothesis.symbols.drop(shared)
            hypothesis.logP -= best
        }
        return first.take(shared).map { heard(it, frame) }
    }

    private fun heard(symbol: Symbol, frame: Int) = Heard(labels[symbol.label], frame, symbol.score)
}
