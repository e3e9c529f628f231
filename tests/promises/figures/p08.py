"""Promise 8: candidates in turns, in a seeded order, on a device that becomes 5 % slower while they are measured."""

from collections.abc import Callable, Sequence

import numpy as np

from orchestrator.decide.comparison.effect import ratio_of
from orchestrator.measure.farm.interleave import block_order
from orchestrator.statistics.intervals import ratio_unpaired
from tests.promises.figures.row import Row, at_least, at_most
from tests.sessions import SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice, linear
from tests.simulator.service import Service
from tests.simulator.session import Asked, many_sessions, run_session

DRIFT = 0.05
BLOCKS, CHUNKS = 6, 30
# (block, candidate) in the order of time.
Slots = list[tuple[int, int]]
Order = Callable[[Sequence[int], int], Slots]


def interleaved(candidates: Sequence[int], seed: int) -> Slots:
    return [(block, c) for block in range(BLOCKS) for c in block_order(candidates, block, seed)]


def sequential(candidates: Sequence[int], seed: int) -> Slots:
    """As most scripts do it: all runs of one, then all of the next."""
    return [(block, c) for c in block_order(candidates, 0, seed) for block in range(BLOCKS)]


def measure(levels_ms: Sequence[float], slots: Slots, rng: np.random.Generator) -> dict[int, dict[int, float]]:
    """Candidate -> block -> median service time, ns, of one flat-out session after the other."""
    whole_s = CHUNKS * sum(levels_ms[c] for _, c in slots) / 1e3
    device = SimulatedDevice(drift=linear(DRIFT, whole_s * (1 + DRIFT / 2)))
    found: dict[int, dict[int, float]] = {c: {} for c in range(len(levels_ms))}
    for block, c in slots:
        service = Service(levels_ms[c], noise=0.03, correlation=0.5, process_noise=0.01)
        session = run_session(device, service.costs_ns(rng, CHUNKS), Asked(mode="flat-out", block=block))
        found[c][block] = float(np.median(session.timeline(SAMPLE_RATE_HZ).service_ns))
    return found


def called_unlike(order: Order, trial: int) -> bool:
    """The same candidate twice, compared as blocks where they pair, else run by run."""
    found = measure((2.0, 2.0), order((0, 1), trial), np.random.default_rng([8, trial]))
    if order is interleaved:
        ratio, _ = ratio_of(*({("s", block): value for block, value in found[c].items()} for c in (0, 1)))
    else:
        ratio = ratio_unpaired(list(found[1].values()), list(found[0].values()))
    assert ratio.low is not None
    assert ratio.high is not None
    return not ratio.low <= 1.0 <= ratio.high


def picked_well(order: Order, trial: int) -> bool:
    """Whether the lowest mean of 8 is within 2 % of the best: the others are slower by 2.5 to 5.5 %."""
    rng = np.random.default_rng([9, trial])
    levels = (2.0 * (1.0 + rng.permutation(np.r_[0.0, 0.025 + 0.005 * np.arange(7)]))).tolist()
    found = measure(levels, order(range(8), trial), rng)
    means = [np.mean(list(found[c].values())) for c in range(8)]
    return bool(levels[int(np.argmin(means))] <= 2.0 * 1.02)


def rows(comparisons: int = 1000, picks: int = 250) -> list[Row]:
    def share(found: Callable[[Order, int], bool], order: Order, trials: int) -> float:
        return 100 * float(np.mean([found(order, trial) for trial in range(trials)]))

    with many_sessions():
        return [
            Row(
                8,
                f"A/A comparisons that are called a difference, the device becoming {100 * DRIFT:g} % slower",
                at_most(5),
                share(called_unlike, interleaved, comparisons),
                share(called_unlike, sequential, comparisons // 5),
                "all runs of one, then all of the other",
            ),
            Row(
                8,
                "picks within 2 % of the best of 8, with the same number of runs on the same device",
                at_least(95),
                share(picked_well, interleaved, picks),
                share(picked_well, sequential, picks),
                "all runs of one, then all of the next",
            ),
        ]
