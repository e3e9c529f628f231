"""The contract against the tensors of a .pte file, which have an order and no names."""

from typing import List, Sequence, Tuple

from agents.contract import StepContract, StreamContract
from agents.failure import Failure
from agents.pte_file import PteProgram, PteTensor

# (name, dtype, shape)
Expected = Tuple[str, str, Tuple[int, ...]]


def stream_tensors(contract: StreamContract, chunk_samples: int) -> Tuple[List[Expected], List[Expected]]:
    """(inputs, outputs) in the order of every module: input, states, constants; outputs, new states."""
    inputs: List[Expected] = [(contract.input.name, contract.input.dtype, contract.input_shape(chunk_samples))]
    inputs += [(s.input, s.dtype, s.shape) for s in contract.states]
    inputs += [(c.name, c.dtype, c.shape) for c in contract.constants]
    outputs: List[Expected] = [(o.name, o.dtype, o.shape) for o in contract.outputs]
    outputs += [(s.output, s.dtype, s.shape) for s in contract.states]
    return inputs, outputs


def step_tensors(search: StepContract) -> Tuple[List[Expected], List[Expected]]:
    """(inputs, outputs) of a transducer's step graph for its whole batch: as of any model, the input first, then the
    states, then what is no state."""

    def batched(name: str, dtype: str, shape: Tuple[int, ...]) -> Expected:
        return name, dtype, (search.batch, *shape[1:])

    inputs = [batched(search.frame.name, search.frame.dtype, search.frame.shape)]
    inputs += [batched(s.input, s.dtype, s.shape) for s in search.states]
    inputs += [batched(search.token.name, search.token.dtype, search.token.shape)]
    outputs = [batched(search.logits.name, search.logits.dtype, search.logits.shape)]
    outputs += [batched(s.output, s.dtype, s.shape) for s in search.states]
    return inputs, outputs


def check_tensors(program: PteProgram, inputs: Sequence[Expected], outputs: Sequence[Expected]) -> None:
    """Raises Failure "contract-mismatch" that names the first difference."""
    _check("inputs", program.inputs, inputs)
    _check("outputs", program.outputs, outputs)


def _check(kind: str, found: Sequence[PteTensor], expected: Sequence[Expected]) -> None:
    if len(found) != len(expected):
        names = ", ".join(name for name, _, _ in expected)
        _refuse(f"the program has {len(found)} {kind}, the contract says {len(expected)} ({names})")
    for number, (tensor, (name, dtype, shape)) in enumerate(zip(found, expected)):
        where = f"{kind[:-1]} {number} ({name})"
        if tensor.dtype != dtype:
            _refuse(f"{where} is {tensor.dtype} in the program, the contract says {dtype}")
        if tensor.shape != shape:
            _refuse(f"{where} has shape {list(tensor.shape)} in the program, this session needs {list(shape)}")


def _refuse(what: str) -> None:
    raise Failure("contract-mismatch", f"{what}: export the model and its contract again")
