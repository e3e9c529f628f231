package earshot.stream

import org.json.JSONArray
import org.json.JSONObject
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** TrieTimes WORDS.csv TRACES.json: see bench_client_trie.py. */
fun main(arguments: Array<String>) {
    val given = JSONObject(File(arguments[1]).readText())
    val decoder = given.getJSONObject("decoder")
    val labels = decoder.getJSONArray("labels").strings()
    val rounds = given.getInt("rounds")
    val buffer = ByteBuffer.wrap(File(given.getString("file")).readBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    val all = FloatArray(buffer.remaining()).also(buffer::get)
    var trie: Trie? = null
    val loads = List(rounds) {
        seconds { trie = Trie(readWords(File(arguments[0])), labels, decoder.getInt("max_symbols")) }
    }
    // A finger that touches and is not lifted.
    val touch = Touch(given.getJSONObject("touch")).also { it.push(shortArrayOf(5000, 5000)) }
    val step = Step(StepSpec(given.getJSONObject("step")), FrameIsLogits(given.getDouble("again").toFloat()))
    val search = TrieSearch(decoder, step, Lexicon(checkNotNull(trie)), touch)
    val words = ArrayList<String>()
    val searches = List(rounds) {
        words.clear()
        seconds {
            var at = 0
            for (frames in given.getJSONArray("frames").longs()) {
                val rows = List(frames.toInt()) { all.copyOfRange(at + it * labels.size, at + (it + 1) * labels.size) }
                at += frames.toInt() * labels.size
                search.push(rows)
                words += search.finish().firstOrNull()?.label ?: ""
            }
        }
    }
    println(JSONObject().put("loads", JSONArray(loads)).put("searches", JSONArray(searches)).put("words", JSONArray(words)))
}

/** A frame is its own logits; the letter that was said is not said again. */
private class FrameIsLogits(private val again: Float) : Graph {
    override fun run(inputs: Map<String, Values>): Map<String, Values> {
        val frames = inputs.getValue("frame")
        val logits = (frames.values as FloatArray).copyOf()
        val tokens = inputs.getValue("token").values as IntArray
        tokens.forEachIndexed { row, token -> if (token > 0) logits[row * (logits.size / tokens.size) + token] -= again }
        return mapOf("logits" to Values(frames.shape, "float32", logits))
    }

    override fun close() = Unit
}

private fun seconds(action: () -> Unit): Double {
    val begin = System.nanoTime()
    action()
    return (System.nanoTime() - begin) / 1e9
}
