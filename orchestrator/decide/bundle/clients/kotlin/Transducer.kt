package earshot.stream

import org.json.JSONObject
import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.ln1p

/** What a hypothesis is asked with: the symbol before, and the states (arrays, in the order of [StepSpec.states]). */
interface Asked {
    val token: Int
    val states: List<Any>
}

/** What the graph says of it: log probabilities of all labels, and the states after its token. */
class Answer(val logP: DoubleArray, val after: List<Any>)

/** A transducer's second graph, asked one symbol further for all hypotheses in one call. */
class Step(private val spec: StepSpec, private val graph: Graph) {
    private class Fresh(override val token: Int, override val states: List<Any>) : Asked

    fun fresh(): List<Any> = spec.states.map { filled(it.shape, it.dtype, it.initial).values }

    /** A graph of fixed shapes computes its whole batch in every call, and refuses a single row. */
    private val rows: Int = try {
        run(listOf(Fresh(0, fresh())), FloatArray(spec.frame.shape.last().toInt()))
        0
    } catch (_: Exception) {
        spec.batch
    }

    fun ask(asked: List<Asked>, frame: FloatArray): List<Answer> {
        // Rows behind those that are asked for are computed and not read.
        val idle = List(maxOf(0, rows - asked.size)) { asked.first() }
        val out = run(asked + idle, frame)
        val logits = out.getValue(spec.logits.name)
        return asked.indices.map { row ->
            Answer(logSoftmax(logits.row(row) as FloatArray), spec.states.map { out.getValue(it.output).row(row) })
        }
    }

    private fun run(asked: List<Asked>, frame: FloatArray): Map<String, Values> {
        val count = longArrayOf(asked.size.toLong())
        val tokens = cast(FloatArray(asked.size) { asked[it].token.toFloat() }, count, spec.token.dtype)
        val frames = stacked(asked.map { frame }, spec.frame.shape, spec.frame.dtype)
        val states = spec.states.withIndex().associate { (n, state) ->
            state.input to stacked(asked.map { it.states[n] }, state.shape, state.dtype)
        }
        return graph.run(mapOf(spec.token.name to tokens, spec.frame.name to frames) + states)
    }
}

private fun logSoftmax(row: FloatArray): DoubleArray {
    val largest = row.max().toDouble()
    val sum = ln(row.sumOf { exp(it - largest) })
    return DoubleArray(row.size) { row[it] - largest - sum }
}

/** log(exp(a) + exp(b)). */
internal fun added(a: Double, b: Double): Double {
    val (high, low) = maxOf(a, b) to minOf(a, b)
    return if (low == Double.NEGATIVE_INFINITY) high else high + ln1p(exp(low - high))
}

/** The best symbol of each frame until it is the blank, at most `max_symbols` of them. */
class GreedyRnnt(spec: JSONObject, private val step: Step) : Decoder {
    private class Said(override val token: Int, override val states: List<Any>) : Asked

    private val labels = spec.getJSONArray("labels").strings()
    private val blank = spec.getInt("blank")
    private val most = spec.getInt("max_symbols")
    private var said: Asked = Said(blank, step.fresh())
    private var frame = 0

    override fun push(rows: List<FloatArray>): List<Heard> = rows.flatMap { row -> symbols(row).also { frame++ } }

    private fun symbols(row: FloatArray): List<Heard> {
        val found = ArrayList<Heard>()
        repeat(most) {
            val answer = step.ask(listOf(said), row).single()
            val best = answer.logP.indices.maxBy { answer.logP[it] }
            if (best == blank) return found
            said = Said(best, answer.after)
            found += Heard(labels[best], frame, exp(answer.logP[best]))
        }
        return found
    }
}
