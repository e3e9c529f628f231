package earshot.stream

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import java.io.File
import java.nio.ByteBuffer
import java.nio.FloatBuffer
import java.nio.IntBuffer
import java.nio.LongBuffer

/** ONNX Runtime Mobile (com.microsoft.onnxruntime:onnxruntime-android), with the options that were measured. */
class OnnxRuntimeGraph(model: File, configuration: Options) : Graph {
    private val environment = OrtEnvironment.getEnvironment()
    private val session: OrtSession = OrtSession.SessionOptions().use { options ->
        options.setIntraOpNumThreads(configuration.threads)
        options.setInterOpNumThreads(1)
        val own = configuration.sessionOptions
        own["graph_optimization_level"]?.let { options.setOptimizationLevel(LEVELS.getValue(it)) }
        own["enable_cpu_mem_arena"]?.let { options.setCPUArenaAllocator(isOn(it)) }
        own["enable_mem_pattern"]?.let { options.setMemoryPatternOptimization(isOn(it)) }
        own["allow_spinning"]?.let { options.addConfigEntry("session.intra_op.allow_spinning", if (isOn(it)) "1" else "0") }
        own.filterKeys { it.startsWith("session.") }.forEach(options::addConfigEntry)
        val told = own.filterKeys { it.startsWith("ep.") }.mapKeys { it.key.removePrefix("ep.") }
        when (configuration.executionProvider) {
            "CPUExecutionProvider" -> Unit
            "XnnpackExecutionProvider" ->
                options.addXnnpack(mapOf("intra_op_num_threads" to configuration.threads.toString()) + told)
            "NnapiExecutionProvider" -> options.addNnapi()
            "QNNExecutionProvider" -> options.addQnn(told)
            else -> error("${configuration.executionProvider} is not part of ONNX Runtime Mobile")
        }
        environment.createSession(model.path, options)
    }

    override fun run(inputs: Map<String, Values>): Map<String, Values> {
        val tensors = inputs.mapValues { tensor(it.value) }
        try {
            return session.run(tensors).use { result ->
                result.associate { (name, value) -> name to values(value as OnnxTensor) }
            }
        } finally {
            tensors.values.forEach(OnnxTensor::close)
        }
    }

    private fun tensor(from: Values): OnnxTensor = when (val values = from.values) {
        is FloatArray -> OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), from.shape)
        is LongArray -> OnnxTensor.createTensor(environment, LongBuffer.wrap(values), from.shape)
        is IntArray -> OnnxTensor.createTensor(environment, IntBuffer.wrap(values), from.shape)
        is ByteArray -> OnnxTensor.createTensor(environment, ByteBuffer.wrap(values), from.shape, BYTES.getValue(from.dtype))
        else -> error("a tensor of ${from.dtype} is not supported here")
    }

    private fun values(tensor: OnnxTensor): Values {
        val size = tensor.info.shape.fold(1L, Long::times).toInt()
        return when (tensor.info.type) {
            OnnxJavaType.FLOAT -> Values(tensor.info.shape, "float32", FloatArray(size).also { tensor.floatBuffer.get(it) })
            OnnxJavaType.INT64 -> Values(tensor.info.shape, "int64", LongArray(size).also { tensor.longBuffer.get(it) })
            OnnxJavaType.INT32 -> Values(tensor.info.shape, "int32", IntArray(size).also { tensor.intBuffer.get(it) })
            OnnxJavaType.INT8 -> Values(tensor.info.shape, "int8", ByteArray(size).also { tensor.byteBuffer.get(it) })
            OnnxJavaType.UINT8 -> Values(tensor.info.shape, "uint8", ByteArray(size).also { tensor.byteBuffer.get(it) })
            OnnxJavaType.BOOL -> Values(tensor.info.shape, "bool", ByteArray(size).also { tensor.byteBuffer.get(it) })
            else -> error("a tensor of ${tensor.info.type} is not supported here")
        }
    }

    override fun close() = session.close()
}

private val LEVELS = mapOf(
    "disable" to OrtSession.SessionOptions.OptLevel.NO_OPT,
    "basic" to OrtSession.SessionOptions.OptLevel.BASIC_OPT,
    "extended" to OrtSession.SessionOptions.OptLevel.EXTENDED_OPT,
    "all" to OrtSession.SessionOptions.OptLevel.ALL_OPT,
)
private val BYTES = mapOf("int8" to OnnxJavaType.INT8, "uint8" to OnnxJavaType.UINT8, "bool" to OnnxJavaType.BOOL)

private fun isOn(text: String) = text == "1" || text == "true"
