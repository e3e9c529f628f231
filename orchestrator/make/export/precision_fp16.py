"""fp16: weights and arithmetic in half precision; input, state and outputs stay float32, so the contract stays."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.graph_edit import check_exclusions, excluded_nodes, named_nodes
from orchestrator.make.models.graph import read_proto

# The CPU has no fp16 kernel for these: they compute in fp32 from weights that are stored in fp16.
_STORED_ONLY = ("LSTM", "GRU", "RNN")
# Loading a graph with an fp16 Transpose beside an LSTM ends onnxruntime 1.31.1 with a segmentation fault in its layout
# pass (level "all"); in fp32 the same Transpose is a mere change of strides.
_NOT_BESIDE_THEM = ("Transpose",)


def to_fp16(source: Path, recipe: Recipe, scratch: Path) -> onnx.ModelProto:
    """onnxruntime's converter: onnxconverter-common's breaks RNN-T steps with keep_io_types."""
    model = named_nodes(read_proto(source))
    check_exclusions(recipe, source, model)
    excluded = excluded_nodes(recipe, model)
    blocked = {*DEFAULT_OP_BLOCK_LIST, *recipe.names("exclude_types"), *_STORED_ONLY}
    if any(n.op_type in _STORED_ONLY for n in model.graph.node):
        blocked.update(_NOT_BESIDE_THEM)
    converted = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=sorted(blocked),
        node_block_list=excluded,
    )
    assert isinstance(converted, onnx.ModelProto)
    _store_in_fp16(converted.graph, [n for n in converted.graph.node if n.op_type in _STORED_ONLY], set(excluded))
    return converted


def _store_in_fp16(graph: onnx.GraphProto, nodes: list[onnx.NodeProto], excluded: set[str]) -> None:
    """Replace the weights of ``nodes`` by fp16 ones and a Cast, which every runtime folds when it loads the graph."""
    weights = {i.name: i for i in graph.initializer if i.data_type == TensorProto.FLOAT}
    names = {name for n in nodes if n.name not in excluded for name in n.input if name in weights}
    limit = float(np.finfo(np.float16).max)
    for name in sorted(names):
        values = numpy_helper.to_array(weights[name])
        if np.abs(values).max(initial=0.0) > limit:
            continue
        graph.initializer.remove(weights[name])
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_fp16"))
        cast = helper.make_node("Cast", [f"{name}_fp16"], [name], name=f"{name}_to_fp32", to=TensorProto.FLOAT)
        graph.node.insert(0, cast)
