"""int8-dynamic: int8 weights; activations are quantized at run time, with the range of each chunk."""

from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.graph_edit import check_exclusions, excluded_nodes, operator_list, prepared

# What onnxruntime's IntegerOps quantizer gains from; it would also rewrite Gather and Transpose, for nothing.
_TYPES = ("MatMul", "Gemm", "Conv", "LSTM", "Attention", "EmbedLayerNormalization")
_WEIGHTS = {"s8": QuantType.QInt8, "u8": QuantType.QUInt8}


def to_dynamic(source: Path, recipe: Recipe, scratch: Path) -> onnx.ModelProto:
    """Raises ExportFailed where the graph has no operator that can be quantized this way."""
    model = prepared(source, scratch)
    check_exclusions(recipe, source, model)
    # Shapes that an exporter left behind contradict the graph once Gemm became MatMul + Add.
    del model.graph.value_info[:]
    excluded = excluded_nodes(recipe, model)
    present = {n.op_type for n in model.graph.node if n.name not in excluded}
    types = [t for t in _TYPES if t in present]
    if not types:
        raise ExportFailed(f"nothing to quantize: {', '.join(_TYPES)} are wanted, found {operator_list(model)}")
    quantize_dynamic(
        model,
        scratch / "dynamic.onnx",
        # Gemm is turned into MatMul + Add first and quantized as MatMul.
        op_types_to_quantize=sorted({"MatMul" if t == "Gemm" else t for t in types}),
        per_channel=recipe.get("granularity", "tensor") == "channel",
        reduce_range=recipe.get("reduce_range", "no") == "yes",
        weight_type=_WEIGHTS[recipe.get("weight", "s8")],
        # The MatMul of a Gemm has another name.
        nodes_to_exclude=[*excluded, *(f"{name}_MatMul" for name in excluded)],
    )
    return onnx.load(scratch / "dynamic.onnx")
