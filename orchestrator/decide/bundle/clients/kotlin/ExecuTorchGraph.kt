package earshot.stream

import org.pytorch.executorch.DType
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor

/**
 * ExecuTorch (org.pytorch:executorch-android). A .pte has no names: its inputs are the contract's input, states and
 * constants in this order, its outputs the contract's outputs and then the states.
 */
class ExecuTorchGraph(path: String, private val contract: Contract, configuration: Configuration) : Graph {
    private val module: Module = Module.load(path, Module.LOAD_MODE_MMAP, configuration.threads)
    private val inputs = listOf(contract.input.name) + contract.states.map { it.input } + contract.constants.map { it.name }
    private val outputs = contract.outputs.map { it.name } + contract.states.map { it.output }

    override fun run(inputs: Map<String, Values>): Map<String, Values> {
        val given = this.inputs.map { EValue.from(tensor(inputs.getValue(it))) }.toTypedArray()
        return outputs.zip(module.forward(*given).map { values(it.toTensor()) }).toMap()
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
