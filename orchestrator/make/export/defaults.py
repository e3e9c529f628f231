"""The recipes that `earshot tune` tries when nobody names any."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx

from orchestrator.domain.recipe import Recipe
from orchestrator.make.models.graph import read_proto
from orchestrator.make.models.source import ModelSource

_ALWAYS = ("onnx:fp32", "onnx:fp32(optimize=all)", "onnx:fp32(container=ort)", "onnx:fp16")
_DYNAMIC = (
    "onnx:int8-dynamic",
    "onnx:int8-dynamic(reduce_range=yes)",
    "onnx:int8-dynamic(granularity=channel,reduce_range=yes)",
    "onnx:int8-dynamic(weight=u8)",
    "onnx:int8-dynamic(container=ort,reduce_range=yes)",
)
# Convolutions have one dynamic form only (ConvInteger), and lose time with it on most CPUs.
_DYNAMIC_CONV = ("onnx:int8-dynamic(weight=u8)",)
# u8 activations with s8 weights saturate on x86 without VNNI: hence 7-bit weights (reduce_range) or u8 weights.
_STATIC = (
    "onnx:int8-qdq",
    "onnx:int8-qdq(reduce_range=yes)",
    "onnx:int8-qdq(granularity=channel,reduce_range=yes)",
    "onnx:int8-qdq(calibration=percentile,granularity=channel,reduce_range=yes)",
    "onnx:int8-qdq(weight=u8)",
    "onnx:int8-qdq(activation=s8,granularity=channel)",
    "onnx:int8-qdq(granularity=channel,optimize=all,reduce_range=yes)",
    "onnx:int8-qoperator(granularity=channel,reduce_range=yes)",
)
_WEIGHT_ONLY = ("onnx:int8-weight", "onnx:int4-weight")
# A family is tried where the operators that it speeds up hold this share of the weights.
_WORTH_A_TRY = 0.25


def default_recipes(source: ModelSource) -> tuple[Recipe, ...]:
    """Those of every format that the model has a graph of, fp32 first."""
    texts = [*(_onnx_recipes(source.onnx_path) if source.onnx_path else ())]
    if source.tflite_path:
        texts += _litert_recipes(source.tflite_path)
    return tuple(Recipe.parse(t) for t in texts)


def _litert_recipes(path: Path) -> list[str]:
    """Weights alone in int8 save room and no time, and 16-bit activations cost time on every CPU: not tried."""
    # Both import LiteRT.
    from orchestrator.make.export.litert_types import HEAVY
    from orchestrator.make.models.tflite import read_tflite

    operators = set(read_tflite(path).operators)
    texts = ["litert:fp32", "litert:fp16", "litert:int8-dynamic", "litert:int8-static"]
    heavy = sorted(operators.intersection(HEAVY))
    if heavy and heavy != sorted(operators):
        texts.append(f"litert:int8-static(only_types={'+'.join(heavy)})")
    return texts


def _onnx_recipes(path: Path) -> list[str]:
    """Four to seventeen, chosen by which operators hold the weights of the graph."""
    share = weight_shares(read_proto(path))
    products = share["MatMul"] + share["Gemm"]
    recurrent = share["LSTM"]
    convolutions = share["Conv"]
    texts = list(_ALWAYS)
    if products + recurrent >= _WORTH_A_TRY:
        texts += _DYNAMIC
    elif convolutions >= _WORTH_A_TRY:
        texts += _DYNAMIC_CONV
    if products + convolutions >= _WORTH_A_TRY:
        texts += _STATIC
    if products >= _WORTH_A_TRY:
        texts += _WEIGHT_ONLY
    return texts


def weight_shares(model: onnx.ModelProto) -> dict[str, float]:
    """Operator type -> share of the graph's float weights that it reads; 0 for every other type.

    Weights may be initializers or Constant nodes. Those inside subgraphs (If, Loop) do not count: no exporter here
    reaches them.
    """
    constants = [(n.output[0], a.t) for n in model.graph.node if n.op_type == "Constant" for a in n.attribute]
    tensors = constants + [(i.name, i) for i in model.graph.initializer]
    sizes = {name: int(np.prod(t.dims)) for name, t in tensors if t.data_type == onnx.TensorProto.FLOAT}
    read: dict[str, float] = defaultdict(float)
    for node in model.graph.node:
        read[node.op_type] += sum(sizes.get(name, 0) for name in node.input)
    total = sum(read.values())
    return defaultdict(float, {k: v / total for k, v in read.items() if v}) if total else defaultdict(float)
