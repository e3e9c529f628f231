package earshot.stream

import org.json.JSONArray
import org.json.JSONObject
import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The whole client on a JVM; its graphs are computed by the process at the other end of stdin and stdout. */
fun main(arguments: Array<String>) {
    val (audio, bundle) = arguments
    val pipe = Pipe(DataInputStream(System.`in`.buffered()), DataOutputStream(System.out.buffered()))
    val stream = Bundle(File(bundle)).open { file, _, names -> PipedGraph(pipe, file.name, names) }
    arguments.getOrNull(2)?.let { stream.useWords(readWords(File(it))) }
    val bytes = ByteBuffer.wrap(File(audio).readBytes()).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer()
    val samples = ShortArray(bytes.remaining()).also(bytes::get)
    // Other pieces than chunks: how samples come must not matter.
    val events = samples.asList().chunked(1000).flatMap { stream.push(it.toShortArray()) } + stream.finish()
    pipe.send(JSONObject().put("events", JSONArray(events.map(::json))), emptyList())
}

private fun json(event: Event): JSONObject {
    val words = event.words.map { JSONArray(listOf(it.word, it.share)) }
    return JSONObject(mapOf("label" to event.label, "timeS" to event.timeS, "score" to event.score)).put("words", JSONArray(words))
}

/** A line of JSON, then the tensors that it describes, as raw bytes. */
class Pipe(private val input: DataInputStream, private val output: DataOutputStream) {
    fun send(head: JSONObject, tensors: List<Values>) {
        output.write((head.toString() + "\n").toByteArray())
        tensors.forEach { output.write(bytes(it)) }
        output.flush()
    }

    fun receive(): Map<String, Values> {
        @Suppress("DEPRECATION")
        val head = JSONObject(input.readLine())
        check(!head.has("error")) { head.getString("error") }
        return head.getJSONArray("tensors").objects().associate { it.getString("name") to values(it) }
    }

    private fun values(spec: JSONObject): Values {
        val shape = spec.getJSONArray("shape").longs()
        val size = shape.fold(1L, Long::times).toInt()
        val dtype = spec.getString("dtype")
        val buffer = ByteBuffer.wrap(ByteArray(size * sizeOf(dtype)).also(input::readFully)).order(ByteOrder.LITTLE_ENDIAN)
        return when (dtype) {
            "float32" -> Values(shape, dtype, FloatArray(size).also { buffer.asFloatBuffer().get(it) })
            "int64" -> Values(shape, dtype, LongArray(size).also { buffer.asLongBuffer().get(it) })
            else -> error("a tensor of $dtype is not expected here")
        }
    }

    private fun bytes(tensor: Values): ByteArray {
        val size = tensor.shape.fold(1L, Long::times).toInt()
        val buffer = ByteBuffer.allocate(size * sizeOf(tensor.dtype)).order(ByteOrder.LITTLE_ENDIAN)
        when (val values = tensor.values) {
            is FloatArray -> buffer.asFloatBuffer().put(values)
            is LongArray -> buffer.asLongBuffer().put(values)
            is IntArray -> buffer.asIntBuffer().put(values)
            is ByteArray -> buffer.put(values)
        }
        return buffer.array()
    }

    private fun sizeOf(dtype: String) = when (dtype) { "int64" -> 8; "float32", "int32" -> 4; else -> 1 }
}

class PipedGraph(private val pipe: Pipe, private val file: String, private val names: Names) : Graph {
    override fun run(inputs: Map<String, Values>): Map<String, Values> {
        check(inputs.keys == names.inputs.toSet()) { "${inputs.keys} is not ${names.inputs}" }
        val specs = inputs.map { (name, v) ->
            JSONObject(mapOf("name" to name, "dtype" to v.dtype)).put("shape", JSONArray(v.shape.toList()))
        }
        pipe.send(JSONObject().put("graph", file).put("tensors", JSONArray(specs)), inputs.values.toList())
        return pipe.receive()
    }

    override fun close() = Unit
}
