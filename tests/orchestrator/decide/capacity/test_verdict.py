"""The verdict on one number of streams: sure, or another run."""

import numpy as np
import pytest

from orchestrator.decide.capacity.verdict import judge_streams, passes
from orchestrator.domain.streams_held import DOUBTFUL, FAILS, HOLDS
from tests.orchestrator.decide.capacity.simulated import run_of

BUDGET = 0.01


def verdict(*rates: float, most_runs: int = 5) -> str:
    return judge_streams(20, [run_of(20, rate) for rate in rates], BUDGET, most_runs).verdict


def test_two_runs_without_a_miss_hold_and_one_does_not() -> None:
    assert verdict(0.0) == DOUBTFUL
    assert verdict(0.0, 0.0) == HOLDS


def test_few_chunks_cannot_promise_one_percent() -> None:
    assert judge_streams(1, [run_of(1, 0.0)] * 2, BUDGET, 5).verdict == DOUBTFUL
    assert judge_streams(1, [run_of(1, 0.0)] * 5, BUDGET, 5).verdict == HOLDS


def test_runs_that_differ_need_more_of_them() -> None:
    assert verdict(0.0, 0.005) == DOUBTFUL
    assert verdict(0.0, 0.005, 0.003, 0.004, 0.002) == HOLDS
    assert verdict(0.05, 0.02) == DOUBTFUL
    assert verdict(0.05, 0.06, 0.055, 0.05) == FAILS


def test_one_run_is_enough_where_its_backlog_grew() -> None:
    found = judge_streams(20, [run_of(20, 0.4, grows=True)], BUDGET, 5)
    assert (found.verdict, found.why) == (FAILS, "chunks waited ever longer")
    # Growing and in time all the same: another run tells.
    assert judge_streams(20, [run_of(20, 0.0, grows=True)], BUDGET, 5).verdict == DOUBTFUL


def test_what_is_no_evidence_neither_holds_nor_passes() -> None:
    throttled = run_of(20, 0.0, ruled_out="throttled during it")
    found = judge_streams(20, [throttled] * 5, BUDGET, 5)
    assert (found.verdict, found.miss_rate.value, found.why) == (DOUBTFUL, None, "throttled during it")
    assert not passes(found, BUDGET)
    assert judge_streams(20, [throttled, run_of(20, 0.0), run_of(20, 0.0)], BUDGET, 5).verdict == HOLDS


def test_a_session_that_fails_under_the_load_is_too_much_load() -> None:
    found = judge_streams(20, [run_of(20, 0.0), run_of(20, 0.0, failed="out of memory")], BUDGET, 5)
    assert (found.verdict, found.why) == (FAILS, "the session failed: out of memory")


def test_where_it_stays_doubtful_the_mean_decides() -> None:
    for rate, passed in ((0.008, True), (0.013, False)):
        found = judge_streams(20, [run_of(20, rate * k) for k in (0.2, 1.8)], BUDGET, 2)
        assert found.verdict == DOUBTFUL
        assert passes(found, BUDGET) is passed


@pytest.mark.parametrize(("truth", "wrong"), [(0.010, FAILS), (0.010, HOLDS), (0.006, FAILS), (0.016, HOLDS)])
def test_looking_after_each_run_is_wrong_in_few_cases(truth: float, wrong: str) -> None:
    """Runs differ by 0.3 % beside the chance of their chunks; one in twenty may be wrong in all, whoever looks."""
    rng, failed = np.random.default_rng(1), 0
    for _ in range(400):
        runs = []
        for _ in range(5):
            own = max(0.0, truth + 0.003 * float(rng.standard_normal()))
            runs.append(run_of(20, float(rng.binomial(5000, own)) / 5000))
            found = judge_streams(20, runs, BUDGET, 5).verdict
            if found != DOUBTFUL:
                break
        failed += found == wrong
    assert failed / 400 <= 0.05
