"""int8-qdq and int8-qoperator: int8 weights and activations, with ranges found by calibration on real streams."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.calibration import FeedReader
from orchestrator.make.export.graph_edit import check_exclusions, excluded_nodes, operator_list, prepared
from orchestrator.make.models.stepping import Feeds

_TYPES = {"s8": QuantType.QInt8, "u8": QuantType.QUInt8}
_FORMATS = {"int8-qdq": QuantFormat.QDQ, "int8-qoperator": QuantFormat.QOperator}
_METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
# Without one of these a graph gains nothing from static quantization.
_HEAVY = ("Conv", "MatMul", "Gemm", "ConvTranspose")


def _types(recipe: Recipe, model: onnx.ModelProto) -> list[str] | None:
    """Operator types to quantize; None: those that onnxruntime has kernels of its own for."""
    if recipe.get("operators", "usual") == "usual":
        return None
    return sorted({node.op_type for node in model.graph.node} - {"Constant"})


def to_static(source: Path, recipe: Recipe, scratch: Path, feeds: Sequence[Feeds]) -> onnx.ModelProto:
    """Raises ExportFailed where the graph has no convolution or matrix product to quantize."""
    model = prepared(source, scratch)
    check_exclusions(recipe, source, model)
    excluded = excluded_nodes(recipe, model)
    if not any(n.op_type in _HEAVY and n.name not in excluded for n in model.graph.node):
        raise ExportFailed(f"nothing to quantize: {', '.join(_HEAVY)} are wanted, found {operator_list(model)}")
    quantize_static(
        model,
        scratch / "static.onnx",
        FeedReader(feeds),
        calibrate_method=_METHODS[recipe.get("calibration", "minmax")],
        quant_format=_FORMATS[recipe.precision],
        activation_type=_TYPES[recipe.get("activation", "u8")],
        weight_type=_TYPES[recipe.get("weight", "s8")],
        per_channel=recipe.get("granularity", "tensor") == "channel",
        reduce_range=recipe.get("reduce_range", "no") == "yes",
        nodes_to_exclude=excluded,
        op_types_to_quantize=_types(recipe, model),
    )
    return onnx.load(scratch / "static.onnx")
