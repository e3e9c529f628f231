"""int8-weight and int4-weight: matrix products with block-quantized constant weights (MatMulNBits).

Packed here, after the operator's specification (ContribOperators.md, com.microsoft.MatMulNBits), because the packer of
onnxruntime needs one more package and its 8-bit half came late.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.graph_edit import check_exclusions, excluded_nodes, operator_list, prepared

_BITS = {"int8-weight": 8, "int4-weight": 4}
_MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class PackedWeight:
    """``blocks`` uint8, shape (N, blocks along K, bytes of a block); ``scales`` float32, shape (N, blocks along K).

    A value is (code - 2^(bits-1)) * scale: the zero point is the operator's default.
    """

    blocks: NDArray[np.uint8]
    scales: NDArray[np.float32]


def pack(weight: NDArray[Any], bits: int, block: int) -> PackedWeight:
    """Round ``weight``, shape (K, N), to codes of ``bits`` in blocks of ``block`` along K, symmetric around zero."""
    rows, columns = weight.shape
    count = -(-rows // block)
    padded = np.zeros((columns, count * block), dtype=np.float32)
    padded[:, :rows] = weight.T
    blocks = padded.reshape(columns, count, block)
    middle = 1 << (bits - 1)
    # The extreme value of a block becomes code 0, which reaches one step further than the largest code.
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[:, :, None], axis=2)
    scales = -extreme / middle
    steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales != 0)
    codes = np.clip(np.rint(steps) + middle, 0, 2 * middle - 1).astype(np.uint8)
    if bits == 4:
        codes = codes[:, :, 0::2] | (codes[:, :, 1::2] << 4)
    return PackedWeight(codes, scales[:, :, 0].astype(np.float32))


def to_weight_only(source: Path, recipe: Recipe, scratch: Path) -> onnx.ModelProto:
    """Raises ExportFailed for a graph without a matrix product with constant weights, such as a pure CNN."""
    model = prepared(source, scratch)
    check_exclusions(recipe, source, model)
    editor = ONNXModel(model)
    editor.replace_gemm_with_matmul()
    weights = {i.name: i for i in model.graph.initializer}
    excluded = excluded_nodes(recipe, model)
    targets = [n for n in model.graph.node if _has_constant_weight(n, weights) and n.name not in excluded]
    if not targets:
        raise ExportFailed(
            f"{recipe.precision} quantizes matrix products with constant weights only; the graph has none to take: "
            f"{operator_list(model)}",
            hint="int8-qdq quantizes convolutions, int8-dynamic also LSTM",
        )
    block = int(recipe.get("block", "32"))
    for node in targets:
        _replace(model.graph, node, weights[node.input[1]], _BITS[recipe.precision], block)
    editor.remove_unused_constant()
    if not any(o.domain == _MICROSOFT for o in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
    return model


def _has_constant_weight(node: onnx.NodeProto, weights: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type != "MatMul" or node.input[1] not in weights:
        return False
    weight = weights[node.input[1]]
    return len(weight.dims) == 2 and weight.data_type == onnx.TensorProto.FLOAT


def _replace(graph: onnx.GraphProto, node: onnx.NodeProto, tensor: onnx.TensorProto, bits: int, block: int) -> None:
    weight = numpy_helper.to_array(tensor)
    packed = pack(weight, bits, block)
    names = [f"{tensor.name}_q{bits}_{node.name}", f"{tensor.name}_scales_{node.name}"]
    graph.initializer.append(numpy_helper.from_array(packed.blocks, names[0]))
    graph.initializer.append(numpy_helper.from_array(packed.scales.reshape(-1), names[1]))
    replacement = helper.make_node(
        "MatMulNBits",
        [node.input[0], *names],
        [node.output[0]],
        name=f"{node.name}_q{bits}",
        domain=_MICROSOFT,
        K=weight.shape[0],
        N=weight.shape[1],
        bits=bits,
        block_size=block,
    )
    position = next(i for i, n in enumerate(graph.node) if n.name == node.name)
    graph.node[position].CopyFrom(replacement)
