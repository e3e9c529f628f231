"""What ExecuTorch timed while a program ran, as nodes of a profile."""

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from agents.backends.executorch_delegates import PORTABLE, provider_of
from agents.profile import timed
from agents.pte_file import PteProgram
from agents.wire import OperatorTime

# XNNPACK numbers operators of a kind: "Fully Connected (NC, F32) GEMM #2".
_NUMBERED = re.compile(r" #\d+$")
_KERNEL = "native_call_"
_DELEGATE = "DELEGATE_CALL"


class Timed(NamedTuple):
    """``instruction`` of the program; ``within``: the number of an operator in the delegate that it calls."""

    name: str
    instruction: int
    within: Optional[int]
    calls: int
    time_ns: float


def operators(found: Sequence[Timed], program: PteProgram) -> Tuple[OperatorTime, ...]:
    """Kernels of the program, the operators of its delegates where those tell them, and a node ``delegate`` for what
    each delegate took beside.

    XNNPACK tells whole microseconds of each operator, and none for most of the small ones: theirs are in that rest.
    """
    told: Dict[int, float] = {}
    for one in found:
        if one.within is not None:
            told[one.instruction] = told.get(one.instruction, 0.0) + one.time_ns
    return timed([o for t in found for o in [_operator(t, program, told.get(t.instruction, 0.0))] if o is not None])


def _operator(one: Timed, program: PteProgram, told_ns: float) -> Optional[OperatorTime]:
    time_us = one.time_ns / 1e3
    if one.within is not None:
        op = _NUMBERED.sub("", one.name)
        node = f"{one.instruction}.{one.within} {one.name}"
        return OperatorTime(op, node, _owner(one, program), one.calls, time_us, 0.0)
    if one.name.startswith(_KERNEL):
        op = one.name[len(_KERNEL) :]
        return OperatorTime(op, f"{one.instruction} {op}", PORTABLE, one.calls, time_us, 0.0)
    if one.name == _DELEGATE:
        owner, rest_us = _owner(one, program), max(0.0, time_us - told_ns / 1e3)
        return OperatorTime("delegate", f"{one.instruction} {owner}", owner, one.calls, rest_us, 0.0)
    return None


def _owner(one: Timed, program: PteProgram) -> str:
    backend = program.instructions[one.instruction].backend if one.instruction < len(program.instructions) else None
    return provider_of(backend) if backend else PORTABLE


def assigned(program: PteProgram) -> List[Tuple[str, int]]:
    """(provider, instructions of the program that it runs)."""
    owners = [
        provider_of(i.backend) if i.backend else PORTABLE for i in program.instructions if i.backend or i.operator
    ]
    return [(owner, owners.count(owner)) for owner in dict.fromkeys(owners)]
