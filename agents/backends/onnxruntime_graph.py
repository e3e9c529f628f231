"""The contract against the graph that was really loaded: names, types and shapes."""

from typing import Any, Dict, List, Sequence, Tuple

from agents.contract import StepContract, StreamContract
from agents.failure import Failure

# Names of ONNX tensor types as onnxruntime prints them.
_TYPES = {
    "float32": "tensor(float)",
    "float16": "tensor(float16)",
    "int64": "tensor(int64)",
    "int32": "tensor(int32)",
    "int8": "tensor(int8)",
    "uint8": "tensor(uint8)",
    "bool": "tensor(bool)",
}

Expected = Tuple[str, str, Tuple[int, ...]]


def check_contract(session: Any, contract: StreamContract, chunk_samples: int) -> None:
    """Raises Failure "contract-mismatch" that names the first difference.

    Sizes that the graph leaves open fit anything; outputs that the contract does not mention are allowed.
    """
    inputs = [(contract.input.name, contract.input.dtype, contract.input_shape(chunk_samples))]
    inputs += [(s.input, s.dtype, s.shape) for s in contract.states]
    inputs += [(c.name, c.dtype, c.shape) for c in contract.constants]
    # A graph whose states may be left out has them apart: a session always gives them.
    _check("input", inputs, [*session.get_inputs(), *session.get_overridable_initializers()])
    extra = sorted({node.name for node in session.get_inputs()} - {name for name, _, _ in inputs})
    if extra:
        _refuse(f"the graph needs inputs that the contract does not have: {', '.join(extra)}")
    default_chunk = chunk_samples == contract.chunk_samples
    outputs: List[Expected] = [(o.name, o.dtype, o.shape if default_chunk else ()) for o in contract.outputs]
    outputs += [(s.output, s.dtype, s.shape) for s in contract.states]
    _check("output", outputs, session.get_outputs())


def check_step(session: Any, search: StepContract) -> None:
    """``check_contract`` for the second graph of a transducer, whose axis 0 is free."""
    inputs = [(t.name, t.dtype, t.shape) for t in (search.token, search.frame)]
    inputs += [(s.input, s.dtype, s.shape) for s in search.states]
    _check("input", inputs, session.get_inputs())
    outputs = [(search.logits.name, search.logits.dtype, search.logits.shape)]
    outputs += [(s.output, s.dtype, s.shape) for s in search.states]
    _check("output", outputs, session.get_outputs())
    fixed = [node.name for node in session.get_inputs() if isinstance(node.shape[0], int) and search.batch > 1]
    if fixed:
        _refuse(f"{', '.join(fixed)} of the step graph take one hypothesis, and the search has {search.batch}")


def _check(kind: str, expected: Sequence[Expected], nodes: Sequence[Any]) -> None:
    found: Dict[str, Any] = {node.name: node for node in nodes}
    for name, dtype, shape in expected:
        if name not in found:
            _refuse(f"the graph has no {kind} {name!r}; it has {', '.join(found)}")
        node = found[name]
        if node.type != _TYPES[dtype]:
            _refuse(f"{kind} {name} is {node.type} in the graph, the contract says {dtype}")
        if shape and not _fits(shape, node.shape):
            _refuse(f"{kind} {name} has shape {node.shape} in the graph, the contract says {list(shape)}")


def _fits(shape: Sequence[int], graph_shape: Sequence[Any]) -> bool:
    if not graph_shape:
        return True  # onnxruntime prints [] for a scalar and for a shape that the graph does not state.
    if len(shape) != len(graph_shape):
        return False
    return all(not isinstance(size, int) or size == mine for mine, size in zip(shape, graph_shape))


def _refuse(what: str) -> None:
    raise Failure("contract-mismatch", f"{what}: export the model and its contract again")
