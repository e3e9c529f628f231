"""A night on each device: which configurations, how often, in which order, and what has no room in its budget."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.measure.farm.interleave import block_order

# Process runs of a configuration that a night's figure needs to have a spread; where the budget has no room for so many
# of all, configurations are left out instead.
LEAST_RUNS = 3
# Of the budget, kept for re-runs of what turns out to be suspect.
RERUN_SHARE = 0.25


@dataclass(frozen=True)
class Cost:
    """Of one configuration: a session's expected time, and what it takes once a night beside them (its quality).
    ``estimated``: no session in the ledger says so. ``must``: it is the last to be left out.
    """

    session_s: float
    once_s: float = 0.0
    estimated: bool = True
    must: bool = False

    def __post_init__(self) -> None:
        if self.session_s <= 0 or self.once_s < 0:
            raise ValueError(f"a session takes > 0 s, got {self}")


@dataclass(frozen=True)
class DeviceNight:
    """Numbers of configurations as they were given. ``blocks``: each holds every configuration that is not left out, in
    the order in which it runs. ``setup_s``: until the first session; ``rerun_s``: kept for re-runs.
    """

    device: str
    blocks: tuple[tuple[int, ...], ...]
    left_out: tuple[int, ...]
    setup_s: float
    measure_s: float
    rerun_s: float

    @property
    def taken(self) -> tuple[int, ...]:
        return tuple(sorted(self.blocks[0])) if self.blocks else ()

    @property
    def sessions(self) -> int:
        return len(self.blocks) * len(self.taken)

    @property
    def expected_s(self) -> float:
        """Without re-runs."""
        return self.setup_s + self.measure_s if self.blocks else 0.0


def device_night(
    device: str, costs: Sequence[Cost], *, runs: int, budget_s: float, setup_s: float, seed: str
) -> DeviceNight:
    """``runs`` blocks of all configurations where they fit into ``budget_s``, else fewer, down to ``LEAST_RUNS``; then
    the last configurations are left out, those that must be measured at the very end. The same arguments give the same
    night in any process: an interrupted one goes on.
    """
    room_s = (1.0 - RERUN_SHARE) * budget_s - setup_s
    least = min(runs, LEAST_RUNS)
    taken = _that_fit(costs, least, room_s)
    chosen = [costs[number] for number in taken]
    block_s, once_s = sum(cost.session_s for cost in chosen), sum(cost.once_s for cost in chosen)
    blocks = min(runs, max(least, int((room_s - once_s) // block_s))) if taken else 0
    number_seed = zlib.crc32(f"{seed} {device}".encode())
    return DeviceNight(
        device,
        tuple(tuple(block_order(taken, block, number_seed)) for block in range(blocks)),
        tuple(number for number in range(len(costs)) if number not in set(taken)),
        setup_s,
        blocks * block_s + once_s,
        RERUN_SHARE * budget_s,
    )


def _that_fit(costs: Sequence[Cost], runs: int, room_s: float) -> list[int]:
    taken, left_s = [], room_s
    for number in sorted(range(len(costs)), key=lambda each: not costs[each].must):
        needed_s = runs * costs[number].session_s + costs[number].once_s
        if needed_s <= left_s:
            taken.append(number)
            left_s -= needed_s
    return sorted(taken)
