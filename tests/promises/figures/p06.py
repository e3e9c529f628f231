"""Promise 6: whether a stream that keeps up is told from one that does not."""

import numpy as np

from orchestrator.statistics.stability import backlog_slope, is_unstable
from tests.promises.figures.row import Row, at_least
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.session import run_session

# Two minutes of 20 ms chunks.
CHUNKS = 6000


def bursts(rtf: float, seed: int) -> np.ndarray:
    """Nine chunks out of ten cost 0.8 of the mean, the tenth, in runs of ten, the rest; ns, of exactly this RTF."""
    rng = np.random.default_rng(seed)
    heavy = np.arange(CHUNKS) // 10 % 10 == 0
    cost = np.where(heavy, 2.8, 0.8) * rng.normal(1.0, 0.05, CHUNKS).clip(0.5)
    return np.asarray(cost / cost.mean() * rtf * CHUNK_NS)


def unstable(costs_ns: np.ndarray) -> bool:
    """The verdict of the gates (decide/selection/gates.py)."""
    found = run_session(SimulatedDevice(), costs_ns).timeline(SAMPLE_RATE_HZ)
    return is_unstable(backlog_slope(found.done_ns / 1e9, found.latency_ns / 1e9))


def rows(trials: int = 60) -> list[Row]:
    right, naive = 0, 0
    for trial in range(trials):
        over = trial % 2 == 1
        costs = bursts(1.02 if over else 0.95, trial)
        right += unstable(costs) == over
        naive += (float(np.median(costs)) > CHUNK_NS) == over
    return [
        Row(
            6,
            "verdicts on keeping up that are right: RTF 0.95 with bursts does, 1.02 with the same bursts does not",
            at_least(95),
            100 * right / trials,
            100 * naive / trials,
            "the median call is shorter than a chunk",
        )
    ]
