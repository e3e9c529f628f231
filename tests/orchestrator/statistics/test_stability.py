"""Promise 6: the verdict of stability, on queues with bursts."""

import numpy as np
import pytest

from orchestrator.statistics.stability import backlog_slope, is_unstable
from tests.simulator.service import Floats

CHUNK_S = 0.02


def queue(rng: np.random.Generator, rtf: float, n: int = 3000, bursty: bool = True) -> tuple[Floats, Floats]:
    """Completion times (s) and backlog (s of audio) of a stream with exponential service bursts at this RTF."""
    service = np.full(n, rtf * CHUNK_S)
    if bursty:
        burst = rng.random(n) < 0.02
        service = service * 0.8
        service[burst] += rng.exponential(rtf * CHUNK_S * 0.2 / 0.02, int(burst.sum()))
    arrival = CHUNK_S * np.arange(1, n + 1)
    # d_k = max(a_k, d_{k-1}) + S_k, unrolled: the sums of service plus the latest start they allow.
    total = np.cumsum(service)
    done = total + np.maximum.accumulate(arrival - (total - service))
    return done, done - arrival


def test_a_stream_just_too_slow_is_unstable() -> None:
    rng = np.random.default_rng(1)
    verdicts = [is_unstable(backlog_slope(*queue(rng, 1.02, bursty=False))) for _ in range(3)]
    assert all(verdicts)


def test_overload_is_found_among_bursts() -> None:
    rng = np.random.default_rng(2)
    found = [is_unstable(backlog_slope(*queue(rng, 1.2))) for _ in range(100)]
    assert np.mean(found) >= 0.95


@pytest.mark.parametrize("rtf", [0.3, 0.7, 0.95])
def test_bursts_that_drain_are_stable(rtf: float) -> None:
    rng = np.random.default_rng(3)
    found = [is_unstable(backlog_slope(*queue(rng, rtf))) for _ in range(300)]
    assert np.mean(found) <= 0.03


def test_an_empty_queue_has_no_slope() -> None:
    slope = backlog_slope(CHUNK_S * np.arange(100), np.ones(100))
    assert (slope.low, slope.value, slope.high) == (0.0, 0.0, 0.0)
    assert not is_unstable(slope)


def test_slope_is_what_the_queue_gains() -> None:
    done, backlog = queue(np.random.default_rng(4), 1.5, bursty=False)
    # Per second of wall time 1 / 1.5 s of audio gets done.
    assert backlog_slope(done, backlog).value == pytest.approx(1 - 1 / 1.5, rel=1e-3)


def test_too_few_chunks_are_not_estimable() -> None:
    slope = backlog_slope(np.arange(31.0), np.arange(31.0))
    assert slope.value is None
    assert "needs 32 chunks" in str(slope.reason)
    assert not is_unstable(slope)
