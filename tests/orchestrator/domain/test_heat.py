"""Cold winner against hot winner, with heat that is known: one candidate is faster and throttles, one is steady."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.heat import Heat, heat
from orchestrator.domain.session import Session
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ, candidate, paced_times, session

PER_MINUTE = 60_000_000_000 // CHUNK_NS
QUICK, STEADY = candidate("onnx:int8-dynamic"), candidate("onnx:fp32")
MINUTES = 9


def course(of: Candidate, cold_ms: float, hot_ms: float, seed: int, knee: int = 4, spread: float = 0.01) -> Session:
    """``knee`` minutes at one service time, the rest at another; each run is a little slower or faster as a whole."""
    rng = np.random.default_rng(seed)
    levels = np.where(np.arange(MINUTES) < knee, cold_ms, hot_ms) * rng.normal(1.0, spread)
    ms = np.repeat(levels, PER_MINUTE) * rng.normal(1.0, 0.02, MINUTES * PER_MINUTE)
    return session(of, block=seed, t_ns=paced_times((ms * 1e6).astype(np.int64), lateness_ns=0))


def of(*sessions: Session) -> Heat:
    found = heat(sessions, SAMPLE_RATE_HZ)
    assert isinstance(found, Heat), found
    return found


def both(quick: tuple[float, float], steady: tuple[float, float], runs: int = 3) -> list[Session]:
    return [
        made
        for seed in range(runs)
        for made in (course(QUICK, *quick, seed=seed), course(STEADY, *steady, seed=50 + seed))
    ]


def test_another_one_wins_when_the_device_is_hot() -> None:
    found = of(*both((3.0, 6.0), (4.0, 4.0)))
    assert (found.cold.fastest, found.cold.wins) == (QUICK.key, True)
    assert (found.hot.fastest, found.hot.wins) == (STEADY.key, True)
    assert found.sentence.startswith("the cold winner is not the hot one: onnx:int8-dynamic")
    assert found.basis == "independent runs"
    assert found.hot.ratio.value == pytest.approx(1.5, rel=0.03)
    quick = next(each for each in found.courses if each.candidate == QUICK)
    assert quick.cold_ms == pytest.approx(3.0, rel=0.03)
    assert quick.hot_ms == pytest.approx(6.0, rel=0.03)
    assert quick.knee_s == pytest.approx(240, abs=1)
    assert quick.ratio == pytest.approx(2.0, rel=0.02)


def test_the_same_one_may_win_twice() -> None:
    assert of(*both((3.0, 3.5), (4.0, 4.0))).sentence == "onnx:int8-dynamic CPU 1t is fastest cold and hot"


def test_what_cannot_be_told_apart_is_no_difference() -> None:
    found = of(*both((3.0, 4.0), (4.0, 4.0)))
    assert (found.cold.wins, found.hot.wins) == (True, False)
    assert "hot: no difference beyond the noise between" in found.sentence
    low, high = found.hot.ratio.low, found.hot.ratio.high
    assert low is not None
    assert high is not None
    assert low < 1.0 < high


def test_one_run_of_each_stands_on_its_minutes_and_says_so() -> None:
    found = of(course(QUICK, 3.0, 6.0, seed=0), course(STEADY, 4.0, 4.0, seed=1))
    assert found.basis == "minutes within single runs, which tell nothing of the next run"
    assert found.sentence.startswith("the cold winner is not the hot one")


def test_without_two_candidates_that_ran_long_enough_there_is_nothing_to_say() -> None:
    short = session(STEADY, chunks=800)
    assert heat([course(QUICK, 3, 6, seed=0), short], SAMPLE_RATE_HZ) == (
        "it takes two candidates that ran for 3 minutes or more, there are 1"
    )


def test_a_last_minute_of_some_chunks_is_no_minute() -> None:
    cut = course(QUICK, 3.0, 6.0, seed=0)
    short = replace(cut, arrays={"t_ns": cut.arrays["t_ns"][: 8 * PER_MINUTE + 5]})
    quick = next(each for each in of(short, course(STEADY, 4.0, 4.0, seed=1)).courses if each.candidate == QUICK)
    assert [len(minutes) for minutes in quick.minutes] == [8]
    assert quick.hot_ms == pytest.approx(6.0, rel=0.03)


def test_a_failed_session_does_not_count_and_a_throttled_one_does() -> None:
    throttled = course(QUICK, 3.0, 6.0, seed=0)
    state = throttled.result.after
    assert state is not None
    hot = replace(throttled, result=replace(throttled.result, after=replace(state, throttled=True)))
    failed = session(STEADY, block=9, failure="the runtime died")
    assert len(of(hot, course(STEADY, 4.0, 4.0, seed=1), failed).courses) == 2
