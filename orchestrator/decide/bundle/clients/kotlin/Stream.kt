package earshot.stream

/** [timeS]: since the start of the stream, the end of the output frame that said so. [words]: ranked, where words are. */
data class Event(val label: String, val timeS: Double, val score: Double, val words: List<RankedWord> = emptyList())

/**
 * One stream through the model. Make another one for another stream; feed each from one thread.
 *
 *     val stream = Bundle(folder).open(Build.MODEL) { file, options, names -> OnnxRuntimeGraph(file, options) }
 *     while (true) { record.read(buffer, 0, buffer.size); stream.push(buffer).forEach(::show) }
 *
 * [step] and [words]: a transducer's second graph, and the words that a search over a trie may tell.
 */
class Stream(
    private val contract: Contract,
    chunkSamples: Int,
    private val graph: Graph,
    private val step: Graph? = null,
    words: Words? = null,
) : AutoCloseable {
    private val frontend = makeFrontend(contract.frontend, contract.sampleRateHz)
    private val general = words?.let(::trie)
    private val decoder = if (step == null) makeDecoder(contract.decoder) else searching(step)
    private val fixed = contract.constants.associate { c ->
        c.name to filled(c.shape, c.dtype, contract.constantValues.getValue(c.name))
    }
    private var state = fresh()
    private val chunk = ShortArray(chunkSamples)
    private var waiting = 0
    private var frameS = 0.0

    /** The outputs of the last chunk by name, for a model whose output is not events. */
    var outputs: Map<String, Values> = emptyMap()
        private set

    private fun fresh() = contract.states.associate { it.input to filled(it.shape, it.dtype, it.initial) }

    private fun searching(graph: Graph): Decoder {
        val spec = contract.decoder
        val step = Step(checkNotNull(contract.search), graph)
        return when {
            spec.getString("kind") == "trie" -> TrieSearch(spec, step, Lexicon(checkNotNull(general)), frontend as Touch)
            spec.getInt("beam") == 1 -> GreedyRnnt(spec, step)
            else -> BeamRnnt(spec, step)
        }
    }

    private fun trie(words: Words) =
        Trie(words, contract.decoder.getJSONArray("labels").strings(), contract.decoder.getInt("max_symbols"))

    /** A user's own words beside the lexicon's, with counts, from the next trace on. */
    fun useWords(words: Words) {
        check(decoder is TrieSearch) { "a ${contract.decoder.getString("kind")} decoder tells no words" }
        decoder.use(Lexicon(checkNotNull(general), if (words.isEmpty()) null else trie(words)))
    }

    /** Take mono samples at the contract's rate, as many as there are, and tell what was heard by now. */
    fun push(samples: ShortArray): List<Event> {
        val found = ArrayList<Event>()
        for (sample in samples) {
            chunk[waiting++] = sample
            if (waiting == chunk.size) {
                found += next()
                waiting = 0
            }
        }
        return found
    }

    /** At the end of the stream: what was waiting for a whole chunk, and what the decoder was still open about. */
    fun finish(): List<Event> {
        val found = if (waiting > 0) push(ShortArray(chunk.size - waiting)) else emptyList()
        return found + events(decoder.finish())
    }

    private fun next(): List<Event> {
        val features = frontend.push(chunk)
        val input = contract.input
        val rest = input.shape.filterIndexed { axis, _ -> axis != contract.timeAxis }.fold(1L, Long::times)
        val shape = input.shape.copyOf().also { it[contract.timeAxis] = features.size / rest }
        outputs = graph.run(mapOf(input.name to cast(features, shape, input.dtype)) + state + fixed)
        // The loop that the client owns: what came out is what goes in with the next chunk.
        state = contract.states.associate { it.input to outputs.getValue(it.output) }
        val output = outputs.getValue(contract.outputs[0].name)
        val values = output.values as FloatArray
        // A probability of speech is one figure for two labels.
        val width = if (contract.decoder.getString("kind") == "vad") 1 else output.shape.last().toInt()
        frameS = chunk.size.toDouble() / contract.sampleRateHz / (values.size / width)
        val found = decoder.push((values.indices step width).map { values.copyOfRange(it, it + width) })
        if (decoder.ended) {
            state = fresh()
            frontend.reset()
        }
        return events(found)
    }

    private fun events(found: List<Heard>) = found.map { Event(it.label, (it.frame + 1) * frameS, it.score, it.words) }

    override fun close() {
        graph.close()
        step?.close()
    }
}
