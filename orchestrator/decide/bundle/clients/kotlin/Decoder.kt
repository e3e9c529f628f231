package earshot.stream

import org.json.JSONObject
import kotlin.math.exp

/** A word that a trace may mean, with its share of the probability. */
data class RankedWord(val word: String, val share: Double)

/** [frame]: index of the output frame in the stream. [words]: where words are ranked, the best first. */
data class Heard(val label: String, val frame: Int, val score: Double, val words: List<RankedWord> = emptyList())

/** What turns the graph's first output, a row for each frame, into events. */
interface Decoder {
    /** The input was at rest or came to rest: graph and front end begin anew with the next chunk. */
    val ended: Boolean get() = false

    fun push(rows: List<FloatArray>): List<Heard>

    /** What was still open at the end of the stream. */
    fun finish(): List<Heard> = emptyList()
}

/** Of one graph; the searches are in Transducer.kt, BeamRnnt.kt and TrieSearch.kt. */
fun makeDecoder(spec: JSONObject): Decoder =
    when (spec.getString("kind")) {
        "keyword" -> Keywords(spec)
        "ctc" -> GreedyCtc(spec)
        "vad" -> VoiceActivity(spec)
        else -> object : Decoder {
            override fun push(rows: List<FloatArray>) = emptyList<Heard>()
        }
    }

private fun softmax(row: FloatArray): DoubleArray {
    val largest = row.max()
    val powers = DoubleArray(row.size) { exp((row[it] - largest).toDouble()) }
    val sum = powers.sum()
    return DoubleArray(row.size) { powers[it] / sum }
}

/** Takes frame by frame and counts them. */
private abstract class ByFrame : Decoder {
    protected var frame = 0

    override fun push(rows: List<FloatArray>) = rows.flatMap { row -> take(row).also { frame++ } }

    protected abstract fun take(row: FloatArray): List<Heard>
}

/** Posteriors averaged over the last frames; a label fires where its average reaches the threshold. */
private class Keywords(spec: JSONObject) : ByFrame() {
    private val labels = spec.getJSONArray("labels").strings()
    private val ignored = spec.getJSONArray("ignored").strings().toSet()
    private val smooth = spec.getInt("smooth_frames")
    private val threshold = spec.getDouble("threshold")
    private val refractory = spec.getInt("refractory_frames")
    private val last = ArrayDeque<DoubleArray>()
    private val quietUntil = HashMap<String, Int>()

    override fun take(row: FloatArray): List<Heard> {
        val found = ArrayList<Heard>()
        last.addLast(softmax(row))
        if (last.size > smooth) last.removeFirst()
        labels.forEachIndexed { index, label ->
            val score = last.sumOf { it[index] } / smooth
            if (label !in ignored && score >= threshold && frame >= (quietUntil[label] ?: 0)) {
                quietUntil[label] = frame + refractory
                found += Heard(label, frame, score)
            }
        }
        return found
    }
}

/** The best class of each frame, repeats merged, blanks dropped. */
private class GreedyCtc(spec: JSONObject) : ByFrame() {
    private val labels = spec.getJSONArray("labels").strings()
    private val blank = spec.getInt("blank")
    private var last = blank

    override fun take(row: FloatArray): List<Heard> {
        val best = row.indices.maxBy { row[it] }
        val isNew = best != last && best != blank
        last = best
        return if (isNew) listOf(Heard(labels[best], frame, softmax(row)[best])) else emptyList()
    }
}

/**
 * Rows are a probability of speech. It begins at the threshold and has ended after `refractory_frames` frames in a row
 * below `release`; scores are those of the first frame that said so.
 */
private class VoiceActivity(spec: JSONObject) : ByFrame() {
    private val labels = spec.getJSONArray("labels").strings()
    private val threshold = spec.getDouble("threshold")
    private val release = spec.getDouble("release")
    private val patience = spec.getInt("refractory_frames")
    private var speaking = false
    private var quiet: Pair<Int, Double>? = null

    override fun take(row: FloatArray): List<Heard> {
        val probability = row.single().toDouble()
        if (!speaking) {
            speaking = probability >= threshold
            return if (speaking) listOf(Heard(labels[0], frame, probability)) else emptyList()
        }
        if (probability >= release) {
            quiet = null
            return emptyList()
        }
        val (since, score) = quiet ?: (frame to 1.0 - probability)
        quiet = since to score
        if (frame - since + 1 < patience) return emptyList()
        speaking = false
        quiet = null
        return listOf(Heard(labels[1], frame, score))
    }
}
