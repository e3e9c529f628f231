package earshot.stream

/** A tensor between calls: its [values] are a FloatArray, LongArray, IntArray or ByteArray, as its dtype says. */
class Values(val shape: LongArray, val dtype: String, val values: Any) {
    /** The part of it with this index of axis 0, an array of its own. */
    fun row(index: Int): Any {
        val size = shape.drop(1).fold(1L, Long::times).toInt()
        val (from, to) = index * size to (index + 1) * size
        return when (values) {
            is FloatArray -> values.copyOfRange(from, to)
            is LongArray -> values.copyOfRange(from, to)
            is IntArray -> values.copyOfRange(from, to)
            is ByteArray -> values.copyOfRange(from, to)
            else -> error("a tensor of $dtype is not supported here")
        }
    }
}

/** A loaded model: inputs by name to outputs by name. See OnnxRuntimeGraph, LiteRtGraph and ExecuTorchGraph. */
interface Graph : AutoCloseable {
    fun run(inputs: Map<String, Values>): Map<String, Values>
}

internal fun filled(shape: LongArray, dtype: String, value: Float): Values {
    val size = shape.fold(1L, Long::times).toInt()
    return cast(FloatArray(size) { value }, shape, dtype)
}

internal fun cast(values: FloatArray, shape: LongArray, dtype: String): Values {
    val typed: Any = when (dtype) {
        "float32" -> values
        "int64" -> LongArray(values.size) { values[it].toLong() }
        "int32" -> IntArray(values.size) { values[it].toInt() }
        "int8", "uint8", "bool" -> ByteArray(values.size) { values[it].toInt().toByte() }
        else -> error("a tensor of $dtype is not supported here: choose another recipe")
    }
    return Values(shape, dtype, typed)
}

/** Arrays of one hypothesis each, on top of each other; [shape] is that of one. */
internal fun stacked(rows: List<Any>, shape: LongArray, dtype: String): Values {
    val values: Any = when (rows.first()) {
        is FloatArray -> rows.flatMap { (it as FloatArray).asList() }.toFloatArray()
        is LongArray -> rows.flatMap { (it as LongArray).asList() }.toLongArray()
        is IntArray -> rows.flatMap { (it as IntArray).asList() }.toIntArray()
        is ByteArray -> rows.flatMap { (it as ByteArray).asList() }.toByteArray()
        else -> error("a tensor of $dtype is not supported here")
    }
    return Values(longArrayOf(rows.size.toLong()) + shape.drop(1), dtype, values)
}
