"""Which job of a queue is next: by priority, then by who had least of the queue lately, then by deadline and turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A user whose share is behind by less than this does not take a device from another's order: changing orders costs a
# second or two of it.
QUANTUM_S = 60.0
# What was used longer ago than this is forgotten.
WINDOW_S = 24 * 3600.0


@dataclass(frozen=True)
class Turn:
    """A job that could begin now. ``submitted_utc_s``: of its order."""

    job_id: str
    order_id: str
    user: str
    priority: int
    deadline_utc_s: float | None
    submitted_utc_s: float
    position: int


def next_turn(ready: Sequence[Turn], used_s: Mapping[str, float], last_order: str | None) -> Turn | None:
    """``used_s``: of this queue within ``WINDOW_S``, by user. ``last_order``: whose job ran here last; it goes on where
    nothing else speaks against it. None where nothing is ready. The same arguments give the same turn.
    """

    def rank(turn: Turn) -> tuple[int, int, float, bool, float, str, int, str]:
        return (
            -turn.priority,
            int(used_s.get(turn.user, 0.0) // QUANTUM_S),
            turn.deadline_utc_s if turn.deadline_utc_s is not None else float("inf"),
            turn.order_id != last_order,
            turn.submitted_utc_s,
            turn.order_id,
            turn.position,
            turn.job_id,
        )

    return min(ready, key=rank, default=None)
