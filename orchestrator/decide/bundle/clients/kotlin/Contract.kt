package earshot.stream

import org.json.JSONArray
import org.json.JSONObject

/** A graph input or output; [dtype] is one of float32, float16, int64, int32, int8, uint8, bool. */
class TensorSpec(json: JSONObject) {
    val name: String = json.getString("name")
    val shape: LongArray = json.getJSONArray("shape").longs()
    val dtype: String = json.getString("dtype")
}

/** State that goes in as [input] and comes out as [output]; every element starts at [initial]. */
class StateSpec(json: JSONObject) {
    val input: String = json.getString("input")
    val output: String = json.getString("output")
    val shape: LongArray = json.getJSONArray("shape").longs()
    val dtype: String = json.getString("dtype")
    val initial: Float = json.getDouble("initial").toFloat()
}

/** What a graph takes and gives, in the order of the contract: a .pte has no names of its own. */
class Names(val inputs: List<String>, val outputs: List<String>)

/** A transducer's second graph; shapes are those of one hypothesis, [batch] are the most in one call. */
class StepSpec(json: JSONObject) {
    val token = TensorSpec(json.getJSONObject("token"))
    val frame = TensorSpec(json.getJSONObject("frame"))
    val states: List<StateSpec> = json.getJSONArray("states").objects().map(::StateSpec)
    val logits = TensorSpec(json.getJSONObject("logits"))
    val batch: Int = json.getInt("batch")
    val names = Names(
        listOf(frame.name) + states.map { it.input } + token.name,
        listOf(logits.name) + states.map { it.output },
    )
}

/** contract.json of an Earshot bundle, as far as a client needs it. */
class Contract(json: JSONObject) {
    val sampleRateHz: Int = json.getInt("sample_rate_hz")
    val frontend: JSONObject = json.getJSONObject("frontend")
    val decoder: JSONObject = json.getJSONObject("decoder")
    val input = TensorSpec(json.getJSONObject("input"))
    val timeAxis: Int = json.getInt("time_axis")
    val states: List<StateSpec> = json.getJSONArray("states").objects().map(::StateSpec)
    val outputs: List<TensorSpec> = json.getJSONArray("outputs").objects().map(::TensorSpec)
    val constants: List<TensorSpec> = json.getJSONArray("constants").objects().map(::TensorSpec)
    val constantValues: Map<String, Float> =
        json.getJSONObject("constant_values").mapped { values, name -> values.getDouble(name).toFloat() }
    val search: StepSpec? = json.optJSONObject("search")?.let(::StepSpec)
    val names = Names(
        listOf(input.name) + states.map { it.input } + constants.map { it.name },
        outputs.map { it.name } + states.map { it.output },
    )
}

/** How one of the bundle's graphs is run. */
open class Options(json: JSONObject) {
    val threads: Int = json.getInt("threads")
    val executionProvider: String = json.getString("execution_provider")
    val sessionOptions: Map<String, String> = json.getJSONObject("session_options").mapped(JSONObject::getString)
}

/** One of `configurations` in device_support.json; [files] has the graph, a transducer's step, its lexicon. */
class Configuration(json: JSONObject) : Options(json) {
    val label: String = json.getString("label")
    val chunkSamples: Int = json.getInt("chunk_samples")
    val contract: String = json.getString("contract")
    val files: Map<String, String> =
        json.getJSONObject("files").mapped { files, part -> files.getJSONObject(part).getString("name") }
    val step: Options? = json.optJSONObject("step")?.let(::Options)
}

internal fun JSONArray.longs() = LongArray(length()) { getLong(it) }

internal fun JSONArray.objects() = List(length()) { getJSONObject(it) }

internal fun JSONArray.strings() = List(length()) { getString(it) }

internal fun <T> JSONObject.mapped(of: (JSONObject, String) -> T): Map<String, T> =
    keys().asSequence().map { it.toString() }.associateWith { of(this, it) }
