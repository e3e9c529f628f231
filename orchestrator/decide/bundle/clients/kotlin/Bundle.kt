package earshot.stream

import org.json.JSONObject
import java.io.File

/** Loads a graph file, for example `{ file, options, names -> OnnxRuntimeGraph(file, options) }`. */
typealias Load = (file: File, options: Options, names: Names) -> Graph

/** The files of an Earshot bundle, and which configuration a device takes. */
class Bundle(private val folder: File) {
    private val support = json("device_support.json")

    /** What [device] takes, then what it falls back to. Null: the device that was measured. */
    fun configurations(device: String? = null): List<Configuration> {
        val all = support.getJSONObject("configurations")
        return entryOf(device).getJSONArray("fallback").strings().map { Configuration(all.getJSONObject(it)) }
    }

    /** Of the prefixes that [device] begins with, the longest one's; where there is none, the default. */
    private fun entryOf(device: String?): JSONObject {
        val entries = support.getJSONArray("device_support").objects()
        if (device == null) return entries.first()
        val all = entries.flatMap { entry -> entry.getJSONArray("identifier_prefixes").strings().map { it to entry } }
        val fitting = all.filter { (prefix, _) -> device.startsWith(prefix) }
        return fitting.maxByOrNull { (prefix, _) -> prefix.length }?.second ?: support.getJSONObject("default")
    }

    /** A stream with the first configuration for [device] (such as Build.MODEL) that can be loaded here. */
    fun open(device: String? = null, load: Load): Stream {
        var reason: Exception? = null
        for (configuration in configurations(device)) {
            try {
                return stream(configuration, load)
            } catch (exception: Exception) {
                reason = exception
            }
        }
        throw checkNotNull(reason) { "device_support.json names no configuration" }
    }

    private fun stream(configuration: Configuration, load: Load): Stream {
        val contract = Contract(json(configuration.contract))
        val graph = load(file(configuration, "graph"), configuration, contract.names)
        val step = contract.search?.let { load(file(configuration, "step"), checkNotNull(configuration.step), it.names) }
        val words = configuration.files["lexicon"]?.let { readWords(File(folder, it)) }
        return Stream(contract, configuration.chunkSamples, graph, step, words)
    }

    private fun file(configuration: Configuration, part: String) = File(folder, configuration.files.getValue(part))

    private fun json(name: String) = JSONObject(File(folder, name).readText())
}
