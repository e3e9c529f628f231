"""The same model with more work in it: what a regression of a model's commit looks like to a device."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SIZE, _PRODUCTS = 128, 10


def slow_down(path: Path) -> None:
    """Products of matrices in front of the first output, times zero: the outputs stay what they are."""
    model = onnx.load(path)
    graph = model.graph
    output = graph.output[0].name
    for node in graph.node:
        node.output[:] = ["output_before" if name == output else name for name in node.output]
        node.input[:] = ["output_before" if name == output else name for name in node.input]
    matrix = np.random.default_rng(0).normal(0.0, _SIZE**-0.5, (_SIZE, _SIZE)).astype(np.float32)
    graph.initializer.append(numpy_helper.from_array(matrix, "work_matrix"))
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "work_zero"))
    nodes = [
        helper.make_node("ReduceMean", ["output_before"], ["work_mean"], keepdims=0),
        helper.make_node("Mul", ["work_matrix", "work_mean"], ["work_0"]),
    ]
    nodes += [helper.make_node("MatMul", [f"work_{n}", "work_matrix"], [f"work_{n + 1}"]) for n in range(_PRODUCTS)]
    nodes += [
        helper.make_node("ReduceMean", [f"work_{_PRODUCTS}"], ["work_left"], keepdims=0),
        helper.make_node("Mul", ["work_left", "work_zero"], ["work_nothing"]),
        helper.make_node("Add", ["output_before", "work_nothing"], [output]),
    ]
    graph.node.extend(nodes)
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
