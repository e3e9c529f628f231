package earshot.stream

import org.json.JSONObject
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.ln
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import kotlin.math.sin

/** What turns the samples of a chunk into the graph's input. */
interface Frontend {
    fun push(samples: ShortArray): FloatArray

    /** Begin anew: nothing was heard before. */
    fun reset()
}

fun makeFrontend(spec: JSONObject, rateHz: Int): Frontend =
    when (spec.getString("kind")) {
        "log-mel" -> LogMel(spec, rateHz)
        "touch" -> Touch(spec)
        "tokens" -> Tokens()
        else -> Pcm(spec)
    }

private const val FULL_SCALE = 32768.0

/** Ids of tokens, each two samples: its low and its high 15 bits. */
private class Tokens : Frontend {
    override fun push(samples: ShortArray) =
        FloatArray(samples.size / 2) { samples[2 * it] + samples[2 * it + 1] * 32768f }

    override fun reset() = Unit
}

/** Samples in [-1, 1] after the last ones of the chunk before. */
private class Pcm(spec: JSONObject) : Frontend {
    private var context = FloatArray(spec.getInt("context_samples"))

    override fun push(samples: ShortArray): FloatArray {
        val out = context + FloatArray(samples.size) { (samples[it] / FULL_SCALE).toFloat() }
        context = out.copyOfRange(out.size - context.size, out.size)
        return out
    }

    override fun reset() = context.fill(0f)
}

/** Frame t covers the window that ends at sample (t + 1) * hop, zeros before the start. */
private class LogMel(spec: JSONObject, rateHz: Int) : Frontend {
    private val hop = spec.getInt("hop_samples")
    private val mels = spec.getInt("mel_count")
    private val size = spec.getInt("fft_size")
    private val floor = spec.getDouble("log_floor")
    private val heard = DoubleArray(spec.getInt("window_samples"))
    private val hann = DoubleArray(heard.size) { 0.5 - 0.5 * cos(2 * PI * it / heard.size) }
    private val filters = melFilters(spec, rateHz)

    override fun reset() = heard.fill(0.0)

    override fun push(samples: ShortArray): FloatArray {
        val frames = FloatArray(samples.size / hop * mels)
        var at = 0
        for (start in samples.indices step hop) {
            heard.copyInto(heard, 0, hop)
            for (n in 0 until hop) heard[heard.size - hop + n] = samples[start + n] / FULL_SCALE
            val power = powerSpectrum()
            for (filter in filters) {
                var sum = 0.0
                for (bin in power.indices) sum += power[bin] * filter[bin]
                frames[at++] = ln(max(sum, floor)).toFloat()
            }
        }
        return frames
    }

    /** |FFT|^2 of the windowed samples with zeros after them, for the bins up to half the rate. */
    private fun powerSpectrum(): DoubleArray {
        val re = DoubleArray(size)
        val im = DoubleArray(size)
        for (n in heard.indices) re[Integer.reverse(n) ushr (32 - Integer.numberOfTrailingZeros(size))] = heard[n] * hann[n]
        var half = 1
        while (half < size) {
            for (k in 0 until half) {
                val c = cos(-PI * k / half)
                val s = sin(-PI * k / half)
                for (a in k until size step 2 * half) {
                    val b = a + half
                    val x = re[b] * c - im[b] * s
                    val y = re[b] * s + im[b] * c
                    re[b] = re[a] - x
                    im[b] = im[a] - y
                    re[a] += x
                    im[a] += y
                }
            }
            half *= 2
        }
        return DoubleArray(size / 2 + 1) { re[it] * re[it] + im[it] * im[it] }
    }
}

/** Triangles on the HTK mel scale with peak 1. */
private fun melFilters(spec: JSONObject, rateHz: Int): List<DoubleArray> {
    val size = spec.getInt("fft_size")
    val count = spec.getInt("mel_count")
    fun mel(hz: Double) = 2595 * log10(1 + hz / 700)
    val low = mel(spec.getDouble("low_hz"))
    val step = (mel(spec.getDouble("high_hz")) - low) / (count + 1)
    fun edge(n: Int) = 700 * (10.0.pow((low + n * step) / 2595) - 1)
    return List(count) { n ->
        DoubleArray(size / 2 + 1) { bin ->
            val hz = bin.toDouble() * rateHz / size
            val rising = (hz - edge(n)) / (edge(n + 1) - edge(n))
            val falling = (edge(n + 2) - hz) / (edge(n + 2) - edge(n + 1))
            max(0.0, min(rising, falling))
        }
    }
}
