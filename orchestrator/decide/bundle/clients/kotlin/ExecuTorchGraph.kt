package earshot.stream

import org.pytorch.executorch.DType
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor
import java.io.File

/** ExecuTorch (org.pytorch:executorch-android). A .pte has no names: its tensors are in the order of [names]. */
class ExecuTorchGraph(model: File, configuration: Options, private val names: Names) : Graph {
    private val module: Module = Module.load(model.path, Module.LOAD_MODE_MMAP, configuration.threads)

    override fun run(inputs: Map<String, Values>): Map<String, Values> {
        val given = names.inputs.map { EValue.from(tensor(inputs.getValue(it))) }.toTypedArray()
        return names.outputs.zip(module.forward(*given).map { values(it.toTensor()) }).toMap()
    }

    private fun tensor(from: Values): Tensor = when (val values = from.values) {
        is FloatArray -> Tensor.fromBlob(values, from.shape)
        is LongArray -> Tensor.fromBlob(values, from.shape)
        is IntArray -> Tensor.fromBlob(values, from.shape)
        is ByteArray -> if (from.dtype == "int8") Tensor.fromBlob(values, from.shape) else Tensor.fromBlobUnsigned(values, from.shape)
        else -> error("a tensor of ${from.dtype} is not supported here")
    }

    private fun values(tensor: Tensor): Values = when (tensor.dtype()) {
        DType.FLOAT -> Values(tensor.shape(), "float32", tensor.dataAsFloatArray)
        DType.INT64 -> Values(tensor.shape(), "int64", tensor.dataAsLongArray)
        DType.INT32 -> Values(tensor.shape(), "int32", tensor.dataAsIntArray)
        DType.INT8 -> Values(tensor.shape(), "int8", tensor.dataAsByteArray)
        DType.UINT8 -> Values(tensor.shape(), "uint8", tensor.dataAsUnsignedByteArray)
        else -> error("a tensor of ${tensor.dtype()} is not supported here")
    }

    override fun close() = module.destroy()
}
