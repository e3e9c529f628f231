"""A device that gets hot, worked out by hand: the minute, the knee and the ratio are known."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.domain.session import Session
from orchestrator.domain.sustained import sustained
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ, candidate, paced_times, session

PER_MINUTE = 60_000_000_000 // CHUNK_NS


def heated(*minutes_ms: float, noise: float = 0.02) -> Session:
    """Each value is the service time of one minute."""
    rng = np.random.default_rng(0)
    ms = np.repeat(minutes_ms, PER_MINUTE) * rng.normal(1.0, noise, len(minutes_ms) * PER_MINUTE)
    return session(candidate(), t_ns=paced_times((ms * 1e6).astype(np.int64), lateness_ns=0))


def test_each_minute_has_its_percentiles() -> None:
    found = sustained(heated(4, 4, 6, 6), SAMPLE_RATE_HZ).minutes
    assert [minute.chunks for minute in found] == [PER_MINUTE] * 4
    p50 = [minute.p50.value or 0.0 for minute in found]
    assert np.array(p50) / 1e6 == pytest.approx([4, 4, 6, 6], rel=0.01)
    assert all(minute.p99.value is not None for minute in found)
    short = sustained(session(candidate(), chunks=100), SAMPLE_RATE_HZ).minutes
    assert (len(short), short[0].p99.value) == (1, None)


def test_the_knee_is_where_it_got_slower_for_good() -> None:
    found = sustained(heated(*[4] * 5, *[6] * 10), SAMPLE_RATE_HZ)
    assert found.knee_s == pytest.approx(300, abs=1)
    assert found.ratio == pytest.approx(1.5, rel=0.02)


@pytest.mark.parametrize("minutes_ms", [[4] * 6, [6, 4, 4, 4, 4, 4], [4, 4, 6, 4, 4, 4]])
def test_no_knee_where_it_holds_warms_up_or_recovers(minutes_ms: list[float]) -> None:
    found = sustained(heated(*minutes_ms), SAMPLE_RATE_HZ)
    assert found.knee_s is None
    assert found.ratio == pytest.approx(1.0, abs=0.02)


def test_a_warm_up_as_slow_as_the_end_hides_no_knee() -> None:
    found = sustained(heated(6, 4, 4, 4, 6, 6, 6, 6), SAMPLE_RATE_HZ)
    assert found.knee_s == pytest.approx(240, abs=1)


def test_two_minutes_have_no_ratio() -> None:
    assert sustained(heated(4, 4), SAMPLE_RATE_HZ).ratio is None


def clocked(frequency_hz: np.ndarray) -> Session:
    of = heated(4, 4, 4)
    t_ns = of.arrays["t_ns"][0, 0] + 1_000_000_000 * np.arange(len(frequency_hz))
    return replace(of, arrays={**of.arrays, "sample_t_ns": t_ns, "sample_frequency_hz__policy0": frequency_hz})


def test_the_clock_says_when_it_was_taken_back() -> None:
    found = sustained(clocked(np.r_[np.full(100, 2e9), np.full(80, 1.4e9)]), SAMPLE_RATE_HZ)
    assert found.throttled_s == pytest.approx(100)
    dips = np.full(180, 2e9)
    dips[50:55] = 1e9
    assert sustained(clocked(dips), SAMPLE_RATE_HZ).throttled_s is None
    nothing = sustained(heated(4, 4), SAMPLE_RATE_HZ)
    assert (nothing.throttled_s, nothing.clock_read) == (None, False)
