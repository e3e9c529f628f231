"""A profile as people read it: the nodes that take the time, and all others as one."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.wire import OperatorTime

# Rarely does anything below matter.
TOP = 15


@dataclass(frozen=True)
class Others:
    """Nodes that are not shown by themselves. ``time_us`` and ``share`` None where any of them was not timed."""

    nodes: int
    calls: int
    time_us: float | None
    share: float | None


def folded(operators: Sequence[OperatorTime], most: int = TOP) -> tuple[tuple[OperatorTime, ...], Others | None]:
    """(the greatest, the rest); untimed nodes come in the runtime's order, after those that were timed."""
    ordered = sorted(operators, key=lambda o: (o.time_us is None, -(o.time_us or 0.0)))
    rest = ordered[most:]
    if not rest:
        return tuple(ordered), None
    times = [o.time_us for o in rest if o.time_us is not None]
    shares = [o.share for o in rest if o.share is not None]
    timed = len(times) == len(rest)
    others = Others(
        nodes=len(rest),
        calls=sum(o.calls for o in rest),
        time_us=sum(times) if timed else None,
        share=sum(shares) if timed else None,
    )
    return tuple(ordered[:most]), others
