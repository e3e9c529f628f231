"""Open dimensions of a graph, fixed to what the contract feeds: some providers take no graph that has any."""

from typing import Any, Dict

import onnxruntime as ort

from agents.contract import StreamContract
from agents.failure import Failure
from agents.providers import CPU

_ERRORS_ONLY = 3


def open_dimensions(model_path: str, contract: StreamContract, chunk_samples: int) -> Dict[str, int]:
    """Name of each open dimension of an input -> its size in this stream.

    The graph is loaded once for it, unoptimized. Raises Failure "contract-mismatch" for an input without a name in it.
    """
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session: Any = ort.InferenceSession(model_path, options, providers=[CPU])
    shapes = {contract.input.name: contract.input_shape(chunk_samples)}
    shapes.update({s.input: s.shape for s in contract.states})
    shapes.update({c.name: c.shape for c in contract.constants})
    found: Dict[str, int] = {}
    for node in session.get_inputs():
        for name, size in zip(node.shape, shapes.get(node.name, ())):
            if name is None:
                raise Failure(
                    "contract-mismatch",
                    f"input {node.name} has an open dimension without a name, which cannot be fixed: export it again",
                )
            if not isinstance(name, int):
                found[name] = size
    return found
