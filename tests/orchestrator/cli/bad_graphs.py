"""Graphs that cannot be a stream, or are one only for a while."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.agents.device import CHUNK

# What an import is told of these graphs.
ANSWERS = ("--sample-rate", "16000", "--chunk-samples", str(CHUNK))


def without_state() -> bytes:
    return _model([helper.make_node("Relu", ["x"], ["y"])], [("x", CHUNK)], [("y", CHUNK)])


def unequal_pair() -> bytes:
    """``h_out`` is declared twice as wide as ``h_in``."""
    return _model(_doubling(), [("x", CHUNK), ("h_in", 8)], [("y", CHUNK), ("h_out", 16)])


def growing_state() -> bytes:
    """The same, but the graph declares no widths: only running it shows."""
    return _model(_doubling(), [("x", CHUNK), ("h_in", None)], [("y", CHUNK), ("h_out", None)])


def worn_out(after_chunks: int) -> bytes:
    """The state counts chunks; the output is NaN from ``after_chunks`` on."""
    nodes = [
        helper.make_node("Add", ["h_in", "one"], ["h_out"]),
        helper.make_node("Sub", ["limit", "h_in"], ["left"]),
        helper.make_node("Sqrt", ["left"], ["root"]),
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["root", "mean"], ["y"]),
    ]
    constants = {"one": 1.0, "limit": after_chunks - 0.5}
    return _model(nodes, [("x", CHUNK), ("h_in", 1)], [("y", 1), ("h_out", 1)], constants)


def _doubling() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Concat", ["h_in", "h_in"], ["h_out"], axis=1),
    ]


def _model(
    nodes: list[onnx.NodeProto],
    inputs: Sequence[tuple[str, int | None]],
    outputs: Sequence[tuple[str, int | None]],
    constants: dict[str, float] | None = None,
) -> bytes:
    ports = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, w]) for n, w in p] for p in (inputs, outputs)]
    values = [numpy_helper.from_array(np.array([v], np.float32), n) for n, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "bad", *ports, values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
