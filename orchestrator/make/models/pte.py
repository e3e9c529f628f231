"""An ExecuTorch program as a graph to import: its tensors have an order and no names. Needs no executorch."""

import hashlib
from collections import Counter
from pathlib import Path

from agents.pte_file import MalformedPte, PteProgram, PteTensor, read_pte
from orchestrator.errors import BadModel
from orchestrator.make.models.graph import Graph, Port

# Version of the program's schema, which its file identifier carries (ET12).
SCHEMA_VERSION = 12


def read_program(path: Path) -> PteProgram:
    """What the file says of itself. Raises BadModel."""
    try:
        return read_pte(str(path))
    except FileNotFoundError as exc:
        raise BadModel(f"no model file {path}", hint="check the path; `earshot models list` shows the library") from exc
    except (MalformedPte, OSError) as exc:
        raise BadModel(f"{path.name} is no .pte file: {exc}", hint="export it again with executorch >= 1.0") from exc


def read_pte_graph(path: Path) -> Graph:
    """Tensors named by their place, in the order (input, states, constants) -> (outputs, new states): ``input``,
    ``state0_in``, ``constant0``, ``output0``, ``state0_out``. Raises BadModel."""
    program = read_program(path)
    inputs, outputs = names_by_place(program)
    calls = [i.operator or i.backend for i in program.instructions]
    return Graph(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        opset=SCHEMA_VERSION,
        inputs=_ports(inputs, program.inputs),
        outputs=_ports(outputs, program.outputs),
        operators=dict(sorted(Counter(call for call in calls if call).items())),
        metadata={},
    )


def names_by_place(program: PteProgram) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """States are the longest run of inputs behind the first whose types and shapes are those of the last outputs."""
    count = next(k for k in range(len(program.outputs), -1, -1) if _are_states(program, k))
    constants = len(program.inputs) - 1 - count
    inputs = [*(f"state{k}_in" for k in range(count)), *(f"constant{k}" for k in range(constants))]
    outputs = [f"output{k}" for k in range(len(program.outputs) - count)]
    return ("input", *inputs), (*outputs, *(f"state{k}_out" for k in range(count)))


def _are_states(program: PteProgram, count: int) -> bool:
    if count == 0:
        return True
    leaves_an_output = count < len(program.outputs)
    return leaves_an_output and program.inputs[1 : 1 + count] == program.outputs[-count:]


def _ports(names: tuple[str, ...], tensors: tuple[PteTensor, ...]) -> tuple[Port, ...]:
    return tuple(Port(name, t.dtype, t.shape) for name, t in zip(names, tensors, strict=True))
