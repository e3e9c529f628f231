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
        json.getJSONObject("constant_values").let { v -> v.keys().asSequence().associateWith { v.getDouble(it).toFloat() } }
}

/** How the candidate ran that won: `configuration` in recommendation.json. */
class Configuration(json: JSONObject) {
    val threads: Int = json.getInt("threads")
    val chunkSamples: Int = json.getInt("chunk_samples")
    val executionProvider: String = json.getString("execution_provider")
    val sessionOptions: Map<String, String> =
        json.getJSONObject("session_options").let { o -> o.keys().asSequence().associateWith { o.getString(it) } }
}

internal fun JSONArray.longs() = LongArray(length()) { getLong(it) }

internal fun JSONArray.objects() = List(length()) { getJSONObject(it) }

internal fun JSONArray.strings() = List(length()) { getString(it) }
