package earshot.stream

import org.json.JSONObject
import kotlin.math.sqrt

// A sample is ORIGIN + the distance from the keyboard's left or upper edge in 1/UNITS of its width; x = 0: no touch.
private const val UNITS = 16384.0
private const val ORIGIN = 4096
private const val NEAR_KEYS = 0.6
private const val STEP_POINTS = 10.0
private const val STILL = 4e-4
private const val MOTION_FEATURES = 8

/** IDLE: nothing has touched yet, DOWN: the last point touches, LIFTED: the trace is complete. */
enum class Phase { IDLE, DOWN, LIFTED }

/** A finger's path, x and y in turn, to features of each point; zeros where nothing touches. */
class Touch(spec: JSONObject) : Frontend {
    private class Point(val x: Double, val y: Double, val down: Boolean)

    private val keys = spec.getJSONArray("keys").objects().map { it.getDouble("x") to it.getDouble("y") }
    private val width = spec.getDouble("key_width")
    private val height = spec.getDouble("key_height")
    private val across = extent(keys.map { it.first })
    private val along = extent(keys.map { it.second })
    private val nowhere = Point(0.0, 0.0, false)
    private var before = nowhere
    private var last = nowhere

    /** Of the last chunk. */
    var phase = Phase.IDLE
        private set

    override fun reset() {
        before = nowhere
        last = nowhere
        phase = Phase.IDLE
    }

    override fun push(samples: ShortArray): FloatArray {
        val row = MOTION_FEATURES + keys.size
        val rows = FloatArray(samples.size / 2 * row)
        for (n in 0 until samples.size / 2) {
            val (x, y) = samples[2 * n].toInt() to samples[2 * n + 1].toInt()
            val now = Point((x - ORIGIN) / UNITS, (y - ORIGIN) / UNITS, x != 0)
            if (now.down) {
                fill(rows, n * row, now)
                phase = Phase.DOWN
            }
            before = last
            last = now
        }
        // Whether it was lifted is told by the last point: a finger that comes back within a chunk has not lifted.
        if (phase == Phase.DOWN && !last.down) phase = Phase.LIFTED
        return rows
    }

    private fun fill(rows: FloatArray, at: Int, now: Point) {
        val (stepX, stepY) = step(last, now)
        val (beforeX, beforeY) = step(before, last)
        // Lengths and angles are those of the screen: heights in key widths.
        val (screenY, screenBeforeY) = stepY * (height / width) to beforeY * (height / width)
        val squared = stepX * stepX + screenY * screenY
        val both = sqrt((beforeX * beforeX + screenBeforeY * screenBeforeY) * squared) + STILL
        val motion = doubleArrayOf(
            (now.x - across.first) / across.second,
            (now.y - along.first) / along.second,
            stepX * STEP_POINTS,
            stepY * STEP_POINTS,
            sqrt(squared) * STEP_POINTS,
            (beforeX * screenY - screenBeforeY * stepX) / both,
            (beforeX * stepX + screenBeforeY * screenY) / both,
            1.0,
        )
        motion.forEachIndexed { n, value -> rows[at + n] = value.toFloat() }
        keys.forEachIndexed { n, (x, y) ->
            val (awayX, awayY) = (now.x - x) / (width * NEAR_KEYS) to (now.y - y) / (height * NEAR_KEYS)
            val root = 1.0 / (1.0 + awayX * awayX + awayY * awayY)
            rows[at + MOTION_FEATURES + n] = (root * root).toFloat()
        }
    }

    /** In key widths and heights; nothing unless both points touch. */
    private fun step(from: Point, to: Point): Pair<Double, Double> =
        if (from.down && to.down) (to.x - from.x) / width to (to.y - from.y) / height else 0.0 to 0.0

    /** Centre and half size; a size of 0 counts as 1. */
    private fun extent(places: List<Double>): Pair<Double, Double> {
        val (low, high) = places.min() to places.max()
        return (low + high) / 2 to if (high > low) (high - low) / 2 else 1.0
    }
}
