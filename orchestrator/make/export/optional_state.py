"""One graph that runs both ways: with its states it streams; without them it takes a whole recording at once."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from agents.contract import StatePair
from orchestrator.domain.recipe import Recipe


def wanted(recipe: Recipe) -> bool:
    return recipe.get("state", "required") == "optional"


def with_optional_states(model: onnx.ModelProto, states: Sequence[StatePair]) -> onnx.ModelProto:
    """``model``, changed in place: every state input has the start of a stream as its value where none is given.

    That is an initializer with an input's name: ONNX calls it a default value, onnxruntime an overridable initializer.
    """
    types = {port.name: port.type.tensor_type.elem_type for port in model.graph.input}
    for state in states:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(types[state.input])
        start = np.full(state.shape, state.initial, dtype=dtype)
        model.graph.initializer.append(numpy_helper.from_array(start, state.input))
    return model
