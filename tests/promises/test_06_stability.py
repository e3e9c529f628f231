"""Promise 6: whether a stream keeps up is told by its backlog's slope: RTF 0.95 with bursts does, 1.02 does not."""

import numpy as np
import pytest

from orchestrator.statistics.stability import backlog_slope, is_unstable
from tests.promises.paced import CHUNK_NS, run_paced, timeline_of

SEEDS = range(12)
# Two minutes of 20 ms chunks.
CHUNKS = 6000


def unstable(service_ns: np.ndarray) -> bool:
    found = timeline_of(run_paced([int(ns) for ns in service_ns]))
    return is_unstable(backlog_slope(found.done_ns / 1e9, found.latency_ns / 1e9))


def bursts(rtf: float, seed: int) -> np.ndarray:
    """Nine chunks out of ten cost 0.8 of the mean, the tenth, in runs of ten, the rest."""
    rng = np.random.default_rng(seed)
    heavy = np.arange(CHUNKS) // 10 % 10 == 0
    cost = np.where(heavy, 2.8, 0.8) * rng.normal(1.0, 0.05, CHUNKS).clip(0.5)
    return cost / cost.mean() * rtf * CHUNK_NS


def steady(rtf: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(1.0, 0.2, CHUNKS).clip(0.1)
    return noise / noise.mean() * rtf * CHUNK_NS


@pytest.mark.parametrize("seed", SEEDS)
def test_bursts_at_an_rtf_of_095_are_stable(seed: int) -> None:
    service = bursts(0.95, seed)
    assert not unstable(service)
    # And they are bursts: for a while the backlog does grow.
    assert timeline_of(run_paced([int(ns) for ns in service])).backlog_chunks().max() >= 10


@pytest.mark.parametrize("seed", SEEDS)
def test_an_rtf_of_102_is_unstable_although_its_median_is_fine(seed: int) -> None:
    assert unstable(steady(1.02, seed))
    service = bursts(1.02, seed)
    assert unstable(service)
    assert np.median(service) < CHUNK_NS
