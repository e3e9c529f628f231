package earshot.stream

import org.json.JSONObject
import kotlin.math.exp

/** [frame]: index of the output frame in the stream. */
data class Heard(val label: String, val frame: Int, val score: Double)

/** What turns the graph's first output, frames of logits, into events. */
interface Decoder {
    fun push(logits: FloatArray): List<Heard>
}

fun makeDecoder(spec: JSONObject): Decoder =
    when (spec.getString("kind")) {
        "keyword" -> Keywords(spec)
        "ctc" -> GreedyCtc(spec)
        else -> object : Decoder {
            override fun push(logits: FloatArray) = emptyList<Heard>()
        }
    }

private fun rows(logits: FloatArray, width: Int) =
    (logits.indices step width).map { logits.copyOfRange(it, it + width) }

private fun softmax(row: FloatArray): DoubleArray {
    val largest = row.max()
    val powers = DoubleArray(row.size) { exp((row[it] - largest).toDouble()) }
    val sum = powers.sum()
    return DoubleArray(row.size) { powers[it] / sum }
}

/** Posteriors averaged over the last frames; a label fires where its average reaches the threshold. */
private class Keywords(spec: JSONObject) : Decoder {
    private val labels = spec.getJSONArray("labels").strings()
    private val ignored = spec.getJSONArray("ignored").strings().toSet()
    private val smooth = spec.getInt("smooth_frames")
    private val threshold = spec.getDouble("threshold")
    private val refractory = spec.getInt("refractory_frames")
    private val last = ArrayDeque<DoubleArray>()
    private val quietUntil = HashMap<String, Int>()
    private var frame = 0

    override fun push(logits: FloatArray): List<Heard> {
        val found = ArrayList<Heard>()
        for (row in rows(logits, labels.size)) {
            last.addLast(softmax(row))
            if (last.size > smooth) last.removeFirst()
            labels.forEachIndexed { index, label ->
                val score = last.sumOf { it[index] } / smooth
                if (label !in ignored && score >= threshold && frame >= (quietUntil[label] ?: 0)) {
                    quietUntil[label] = frame + refractory
                    found += Heard(label, frame, score)
                }
            }
            frame++
        }
        return found
    }
}

/** The best class of each frame, repeats merged, blanks dropped. */
private class GreedyCtc(spec: JSONObject) : Decoder {
    private val labels = spec.getJSONArray("labels").strings()
    private val blank = spec.getInt("blank")
    private var last = blank
    private var frame = 0

    override fun push(logits: FloatArray): List<Heard> {
        val found = ArrayList<Heard>()
        for (row in rows(logits, labels.size)) {
            val best = row.indices.maxByOrNull { row[it] } ?: blank
            if (best != last && best != blank) found += Heard(labels[best], frame, softmax(row)[best])
            last = best
            frame++
        }
        return found
    }
}
