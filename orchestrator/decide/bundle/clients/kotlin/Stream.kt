package earshot.stream

/** A tensor between chunks: its [values] are a FloatArray, LongArray, IntArray or ByteArray, as its dtype says. */
class Values(val shape: LongArray, val dtype: String, val values: Any)

/** A loaded model: inputs by name to outputs by name. See OnnxRuntimeGraph, LiteRtGraph and ExecuTorchGraph. */
interface Graph : AutoCloseable {
    fun run(inputs: Map<String, Values>): Map<String, Values>
}

/** [timeS]: since the start of the stream, the end of the output frame that said so. */
data class Event(val label: String, val timeS: Double, val score: Double)

/**
 * One stream of audio through the model. Make another one for another stream; feed each from one thread.
 *
 *     val stream = Stream(contract, configuration, graph)
 *     while (true) { record.read(buffer, 0, buffer.size); stream.push(buffer).forEach(::show) }
 */
class Stream(private val contract: Contract, configuration: Configuration, private val graph: Graph) {
    private val chunkSamples = configuration.chunkSamples
    private val frontend = makeFrontend(contract.frontend, contract.sampleRateHz)
    private val decoder = makeDecoder(contract.decoder)
    private val fixed = contract.constants.associate { c ->
        c.name to filled(c.shape, c.dtype, contract.constantValues.getValue(c.name))
    }
    private var state = contract.states.associate { it.input to filled(it.shape, it.dtype, it.initial) }
    private val chunk = DoubleArray(chunkSamples)
    private var waiting = 0

    /** The outputs of the last chunk by name, for a model whose output is not events. */
    var outputs: Map<String, Values> = emptyMap()
        private set

    /** Take mono samples at the contract's rate, as many as there are, and tell what was heard by now. */
    fun push(samples: ShortArray): List<Event> {
        val found = ArrayList<Event>()
        for (sample in samples) {
            chunk[waiting++] = sample / 32768.0
            if (waiting == chunkSamples) {
                found += step()
                waiting = 0
            }
        }
        return found
    }

    private fun step(): List<Event> {
        val features = frontend.push(chunk)
        val rest = contract.input.shape.filterIndexed { axis, _ -> axis != contract.timeAxis }.fold(1L, Long::times)
        val shape = contract.input.shape.copyOf().also { it[contract.timeAxis] = features.size / rest }
        outputs = graph.run(mapOf(contract.input.name to Values(shape, "float32", features)) + state + fixed)
        // The loop that the client owns: what came out is what goes in with the next chunk.
        state = contract.states.associate { it.input to outputs.getValue(it.output) }
        val logits = outputs.getValue(contract.outputs[0].name)
        val frames = (logits.values as FloatArray).size / logits.shape.last()
        val frameS = chunkSamples.toDouble() / contract.sampleRateHz / frames
        return decoder.push(logits.values).map { Event(it.label, (it.frame + 1) * frameS, it.score) }
    }
}

private fun filled(shape: LongArray, dtype: String, value: Float): Values {
    val size = shape.fold(1L, Long::times).toInt()
    val values: Any = when (dtype) {
        "float32" -> FloatArray(size) { value }
        "int64" -> LongArray(size) { value.toLong() }
        "int32" -> IntArray(size) { value.toInt() }
        "int8", "uint8", "bool" -> ByteArray(size) { value.toInt().toByte() }
        else -> error("a state of $dtype is not supported here: choose another recipe")
    }
    return Values(shape, dtype, values)
}
