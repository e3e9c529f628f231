"""Which recipes of ONNX are worth a try, by what a graph is made of."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx

from orchestrator.make.models.graph import read_proto

_ALWAYS = ("fp32", "fp32(optimize=all)", "fp32(container=ort)", "fp16")
_DYNAMIC = (
    "int8-dynamic",
    "int8-dynamic(reduce_range=yes)",
    "int8-dynamic(granularity=channel,reduce_range=yes)",
    "int8-dynamic(weight=u8)",
    "int8-dynamic(container=ort,reduce_range=yes)",
)
# Convolutions have one dynamic form only (ConvInteger), and lose time with it on most CPUs.
_DYNAMIC_CONV = ("int8-dynamic(weight=u8)",)
# u8 activations with s8 weights saturate on x86 without VNNI: hence 7-bit weights (reduce_range) or u8 weights.
_STATIC = (
    "int8-qdq",
    "int8-qdq(reduce_range=yes)",
    "int8-qdq(granularity=channel,reduce_range=yes)",
    "int8-qdq(calibration=percentile,granularity=channel,reduce_range=yes)",
    "int8-qdq(weight=u8)",
    "int8-qdq(activation=s8,granularity=channel)",
    "int8-qdq(granularity=channel,optimize=all,reduce_range=yes)",
    "int8-qoperator(granularity=channel,reduce_range=yes)",
)
_WEIGHT_ONLY = ("int8-weight", "int4-weight")
# A family is tried where the operators that it speeds up hold this share of the weights.
_WORTH_A_TRY = 0.25


def module_recipes() -> tuple[str, ...]:
    """Of a module whose graph is not made yet: a few of each family."""
    return (
        *_ALWAYS,
        *_DYNAMIC[::2],
        "int8-qdq",
        "int8-qdq(granularity=channel,reduce_range=yes)",
        "int8-qdq(weight=u8)",
        *_WEIGHT_ONLY,
    )


def onnx_recipes(path: Path) -> tuple[str, ...]:
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
    return tuple(texts)


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
