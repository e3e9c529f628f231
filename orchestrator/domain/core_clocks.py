"""Which core clocks a session ran on."""

from collections.abc import Iterable

_POLICY = "policy"


def clocks_of(affinity: tuple[int, ...], names: Iterable[str]) -> list[str]:
    """Those of ``names`` that the CPUs of ``affinity`` run at; all where it is empty, and what is no cpufreq policy.

    A policy is called after the first of its CPUs (Linux admin-guide/pm/cpufreq), and goes on to the next one. The
    clocks of other clusters fall because nobody uses them.
    """
    every = list(names)
    firsts = sorted(int(first) for name in every if (first := _first_cpu(name)) is not None)
    return [name for name in every if not affinity or _serves(_first_cpu(name), firsts, affinity)]


def _first_cpu(name: str) -> int | None:
    number = name.removeprefix(_POLICY)
    return int(number) if name.startswith(_POLICY) and number.isdecimal() else None


def _serves(first: int | None, firsts: list[int], affinity: tuple[int, ...]) -> bool:
    if first is None:
        return True
    after = next((other for other in firsts if other > first), None)
    return any(first <= cpu and (after is None or cpu < after) for cpu in affinity)
