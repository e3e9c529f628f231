"""The contract against the .tflite file that was really loaded: its tensors by the names of a signature."""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from agents.contract import StepContract, StreamContract
from agents.failure import Failure

# (name, dtype, shape)
Expected = Tuple[str, str, Tuple[int, ...]]


@dataclass(frozen=True)
class Signature:
    """Tensor numbers by the names that the contract uses."""

    inputs: Dict[str, int]
    outputs: Dict[str, int]


def check_contract(interpreter: Any, contract: StreamContract, chunk_samples: int) -> Signature:
    """Raises Failure "contract-mismatch" that names the first difference.

    Outputs that the contract does not mention are allowed.
    """
    inputs: List[Expected] = [(contract.input.name, contract.input.dtype, contract.input_shape(chunk_samples))]
    inputs += [(s.input, s.dtype, s.shape) for s in contract.states]
    inputs += [(c.name, c.dtype, c.shape) for c in contract.constants]
    outputs: List[Expected] = [(o.name, o.dtype, o.shape) for o in contract.outputs]
    outputs += [(s.output, s.dtype, s.shape) for s in contract.states]
    signature = _find(interpreter, {i[0] for i in inputs})
    _check("input", inputs, signature.inputs, interpreter.get_input_details())
    _check("output", outputs, signature.outputs, interpreter.get_output_details())
    _check_scales(interpreter, contract, signature)
    return signature


def check_step(interpreter: Any, search: StepContract) -> Signature:
    """``check_contract`` for the second graph of a transducer: its shapes are those of the whole batch."""

    def batched(name: str, dtype: str, shape: Tuple[int, ...]) -> Expected:
        return name, dtype, (search.batch, *shape[1:])

    inputs = [batched(t.name, t.dtype, t.shape) for t in (search.token, search.frame)]
    inputs += [batched(s.input, s.dtype, s.shape) for s in search.states]
    outputs = [batched(search.logits.name, search.logits.dtype, search.logits.shape)]
    outputs += [batched(s.output, s.dtype, s.shape) for s in search.states]
    signature = _find(interpreter, {i[0] for i in inputs})
    _check("input", inputs, signature.inputs, interpreter.get_input_details())
    _check("output", outputs, signature.outputs, interpreter.get_output_details())
    return signature


def _find(interpreter: Any, wanted: "set[str]") -> Signature:
    # The public list names the tensors and does not number them.
    found = interpreter._get_full_signature_list()
    if not found:
        _refuse("the file has no signature, so nothing names its tensors: convert it with one (litert-torch makes it)")
    key = next((k for k, s in found.items() if set(s["inputs"]) == wanted), None)
    if key is None:
        have = "; ".join(f"{k}: {', '.join(s['inputs'])}" for k, s in found.items())
        _refuse(f"no signature takes {', '.join(sorted(wanted))}; the file has {have}")
    signature = Signature(dict(found[key]["inputs"]), dict(found[key]["outputs"]))
    first = {d["index"] for d in interpreter.get_input_details()}
    if set(signature.inputs.values()) != first:
        _refuse(f"the signature {key} is not that of the file's first graph: convert it alone")
    return signature


def _check(kind: str, expected: List[Expected], numbers: Dict[str, int], details: List[Dict[str, Any]]) -> None:
    by_number = {d["index"]: d for d in details}
    for name, dtype, shape in expected:
        if name not in numbers:
            _refuse(f"the graph has no {kind} {name!r}; it has {', '.join(numbers)}")
        found = by_number[numbers[name]]
        found_dtype = found["dtype"].__name__.rstrip("_")
        if found_dtype != dtype:
            how = " (quantized inputs and outputs: convert it with float ones)" if found["quantization"][0] else ""
            _refuse(f"{kind} {name} is {found_dtype} in the graph{how}, the contract says {dtype}")
        found_shape = [int(size) for size in found["shape"]]
        if found_shape != list(shape):
            _refuse(f"{kind} {name} has shape {found_shape} in the graph, this session needs {list(shape)}")


def _check_scales(interpreter: Any, contract: StreamContract, signature: Signature) -> None:
    """A quantized state that leaves with another scale than it came in with would be read as other numbers."""
    inputs = {d["index"]: d["quantization"] for d in interpreter.get_input_details()}
    outputs = {d["index"]: d["quantization"] for d in interpreter.get_output_details()}
    for state in contract.states:
        read, written = inputs[signature.inputs[state.input]], outputs[signature.outputs[state.output]]
        if tuple(read) != tuple(written):
            _refuse(
                f"state {state.input} is read with scale {read[0]:g} and {state.output} written with {written[0]:g}"
            )


def _refuse(what: str) -> None:
    raise Failure("contract-mismatch", f"{what}: export the model and its contract again")
