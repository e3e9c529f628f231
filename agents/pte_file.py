"""What an ExecuTorch program says of itself, read from its file: no torch, no runtime.

Field numbers are those of executorch's schema/program.fbs 1.5.1, which only ever grows.
"""

import mmap
import struct
from dataclasses import dataclass
from typing import List, Optional, Tuple

from agents.flatbuffer import Table, root

IDENTIFIER = b"ET"
# torch's ScalarType -> the contract's names for it.
DTYPES = {0: "uint8", 1: "int8", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 11: "bool"}
# KernelTypes and InstructionArguments of the schema.
_TENSOR = 5
_KERNEL_CALL, _DELEGATE_CALL = 1, 2


class MalformedPte(ValueError):
    """The file is no ExecuTorch program, or none that can be read."""


@dataclass(frozen=True)
class PteTensor:
    """``shape`` is the greatest one where the tensor is ``dynamic``. ``dtype`` may be one that no contract has."""

    dtype: str
    shape: Tuple[int, ...]
    dynamic: bool = False


@dataclass(frozen=True)
class PteInstruction:
    """``backend``: the delegate that is called; None: the kernel of ``operator``."""

    operator: Optional[str] = None
    backend: Optional[str] = None


@dataclass(frozen=True)
class PteProgram:
    """The method "forward", or the first one where no other is there. ``backends``: one for each delegated part."""

    method: str
    inputs: Tuple[PteTensor, ...]
    outputs: Tuple[PteTensor, ...]
    backends: Tuple[str, ...]
    operators: Tuple[str, ...]
    instructions: Tuple[PteInstruction, ...]


def read_pte(path: str) -> PteProgram:
    """Raises MalformedPte, OSError."""
    with open(path, "rb") as file:
        head = file.read(8)
        if len(head) < 8 or head[4:6] != IDENTIFIER:
            raise MalformedPte(f"it begins with {head!r}, not with the mark of an ExecuTorch program ('ET12')")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _program(root(data))  # type: ignore[arg-type]
            except (struct.error, ValueError, IndexError) as error:
                raise MalformedPte(f"its tables cannot be read ({error}): it is cut off or damaged") from error


def _program(program: Table) -> PteProgram:
    plans = program.tables(1)
    if not plans:
        raise ValueError("no method")
    plan = next((p for p in plans if p.text(0) == "forward"), plans[0])
    values = plan.tables(2)
    backends = tuple(delegate.text(0) for delegate in plan.tables(7))
    operators = tuple(_operator(o) for o in plan.tables(6))
    return PteProgram(
        method=plan.text(0),
        inputs=tuple(_tensor(values[i], f"input {n}") for n, i in enumerate(plan.scalars(3, "int"))),
        outputs=tuple(_tensor(values[i], f"output {n}") for n, i in enumerate(plan.scalars(4, "int"))),
        backends=backends,
        operators=operators,
        instructions=tuple(_instructions(plan, operators, backends)),
    )


def _operator(operator: Table) -> str:
    name, overload = operator.text(0), operator.text(1)
    return f"{name}.{overload}" if overload else name


def _tensor(value: Table, which: str) -> PteTensor:
    tensor = value.table(1)
    if value.scalar(0, "ubyte") != _TENSOR or tensor is None:
        raise ValueError(f"{which} is no tensor")
    kind = tensor.scalar(0, "byte")
    shape = tuple(tensor.scalars(2, "int"))
    return PteTensor(DTYPES.get(kind, f"ScalarType {kind}"), shape, bool(tensor.scalar(8, "byte")))


def _instructions(plan: Table, operators: Tuple[str, ...], backends: Tuple[str, ...]) -> List[PteInstruction]:
    """Of the first chain, which is the only one that the exporter writes."""
    chains = plan.tables(5)
    made = []
    for instruction in chains[0].tables(2) if chains else []:
        kind, arguments = instruction.scalar(0, "ubyte"), instruction.table(1)
        number = arguments.scalar(0, "int") if arguments is not None else 0
        if kind == _KERNEL_CALL:
            made.append(PteInstruction(operator=operators[number]))
        elif kind == _DELEGATE_CALL:
            made.append(PteInstruction(backend=backends[number]))
        else:
            made.append(PteInstruction())
    return made
