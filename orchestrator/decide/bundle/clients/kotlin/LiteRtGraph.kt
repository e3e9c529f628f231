package earshot.stream

import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** LiteRT (com.google.ai.edge.litert:litert), by the file's signature, whose names are the contract's. */
class LiteRtGraph(model: File, configuration: Options) : Graph {
    private val interpreter = Interpreter(
        model,
        Interpreter.Options().setNumThreads(configuration.threads).setUseXNNPACK(configuration.executionProvider == "XNNPACK"),
    )
    private val signature: String = interpreter.signatureKeys.first()

    override fun run(inputs: Map<String, Values>): Map<String, Values> {
        val outputs = interpreter.getSignatureOutputs(signature).associateWith { room(output(it).numBytes()) }
        interpreter.runSignature(inputs.mapValues { bytes(it.value) }, outputs, signature)
        return outputs.mapValues { (name, buffer) -> values(output(name), buffer) }
    }

    private fun output(name: String): Tensor = interpreter.getOutputTensorFromSignature(name, signature)

    private fun bytes(from: Values): ByteBuffer = when (val values = from.values) {
        is FloatArray -> room(4 * values.size).also { it.asFloatBuffer().put(values) }
        is LongArray -> room(8 * values.size).also { it.asLongBuffer().put(values) }
        is IntArray -> room(4 * values.size).also { it.asIntBuffer().put(values) }
        is ByteArray -> room(values.size).put(values).also { it.rewind() }
        else -> error("a tensor of ${from.dtype} is not supported here")
    }

    private fun values(tensor: Tensor, buffer: ByteBuffer): Values {
        buffer.rewind()
        val shape = tensor.shape().map(Int::toLong).toLongArray()
        val size = tensor.numElements()
        return when (val type = tensor.dataType().toString()) {
            "FLOAT32" -> Values(shape, "float32", FloatArray(size).also { buffer.asFloatBuffer().get(it) })
            "INT64" -> Values(shape, "int64", LongArray(size).also { buffer.asLongBuffer().get(it) })
            "INT32" -> Values(shape, "int32", IntArray(size).also { buffer.asIntBuffer().get(it) })
            "INT8", "UINT8", "BOOL" -> Values(shape, type.lowercase(), ByteArray(size).also { buffer.get(it) })
            else -> error("a tensor of $type is not supported here")
        }
    }

    private fun room(bytes: Int): ByteBuffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

    override fun close() = interpreter.close()
}
