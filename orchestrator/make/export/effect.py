"""Refuses an artifact that is its source under another name: it would be measured as if it were something else."""

import onnx
from onnx import TensorProto

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export import optional_state
from orchestrator.make.export.graph_edit import operator_list
from orchestrator.make.models.graph import all_nodes, count_operators

_SMALL = {TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT4, TensorProto.UINT4}


def check_effect(source: onnx.ModelProto, made: onnx.ModelProto, recipe: Recipe) -> None:
    """Raises ExportFailed where the conversion left every weight and operator in fp32, or, for a recipe that only
    optimizes, where the optimizer changed no operator."""
    if recipe.precision != "fp32":
        changed = _operators(made) != _operators(source) and _has_small_types(made)
    elif recipe.get("container", "onnx") == "ort" or optional_state.wanted(recipe):
        changed = True
    else:
        changed = _operators(made) != _operators(source)
    if not changed:
        raise ExportFailed(
            f"{recipe} changes nothing in this graph of {operator_list(source)}",
            hint="it would be the fp32 artifact under another name; leave it out",
        )


def _operators(model: onnx.ModelProto) -> dict[str, int]:
    return {k: v for k, v in count_operators(model).items() if k not in ("Constant", "Identity")}


def _has_small_types(model: onnx.ModelProto) -> bool:
    weights = any(i.data_type in _SMALL for i in model.graph.initializer)
    return weights or any(
        a.t.data_type in _SMALL for n in all_nodes(model.graph) for a in n.attribute if a.HasField("t")
    )
