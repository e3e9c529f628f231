"""What a re-run is asked for, and what it says."""

import numpy as np
import pytest

from orchestrator.decide.regression.confirm import confirm, judge_ratio
from orchestrator.decide.regression.rerun import again, rerun_of
from orchestrator.decide.regression.since import at_once
from orchestrator.decide.regression.tuning import DEFAULT
from orchestrator.domain.night_series import Series
from orchestrator.domain.regression import (
    CONFIRMED,
    LEVEL,
    REFUTED,
    SPREAD,
    UNSURE,
    ConfirmationRequest,
    Suspicion,
)
from orchestrator.statistics.interval import Interval, not_estimable
from tests.orchestrator.decide.regression.nights import at, key, noisy

COMMITS = [f"c{i}" for i in range(30)]


def about(series: Series, shift: float = 0.05, aspect: str = LEVEL) -> Suspicion:
    return Suspicion(series.key, aspect, shift, 0.03, 0.01, 0.1, at_once(series.last))


def runs(level: float, count: int, seed: int, noise: float = 0.01) -> dict[tuple[str, int], float]:
    rng = np.random.default_rng(seed)
    return {("s", i): float(level * np.exp(noise * rng.standard_normal())) for i in range(count)}


def test_a_week_old_artifact_is_set_beside_tonights() -> None:
    series = noisy([4.0] * 30, artifacts=COMMITS)
    asked = rerun_of(series, [about(series)], DEFAULT)
    assert asked is not None
    assert (asked.old.at, asked.new.at) == (at(22), at(29))
    assert (asked.old.artifact, asked.new.artifact) == ("c22", "c29")
    assert asked.configuration == series.key.configuration


def test_an_older_one_where_the_change_may_be_older() -> None:
    series = noisy([4.0] * 30, artifacts=COMMITS)
    old = Suspicion(series.key, LEVEL, 0.05, 0.03, 0.01, 0.1, at_once(series.nights[15]))
    asked = rerun_of(series, [old], DEFAULT)
    assert asked is not None
    assert asked.old.at == at(14)


def test_nothing_is_asked_where_nothing_was_pushed_anew() -> None:
    series = noisy([4.0] * 30)
    assert rerun_of(series, [about(series)], DEFAULT) is None


def test_noisier_runs_and_smaller_shifts_take_more_pairs() -> None:
    def pairs(noise: float, shift: float) -> int:
        series = noisy([4.0] * 30, artifacts=COMMITS, noise=noise)
        asked = rerun_of(series, [about(series, shift)], DEFAULT)
        assert asked is not None
        return asked.pairs

    assert 6 <= pairs(0.005, 0.05) < pairs(0.02, 0.05) < pairs(0.02, 0.03) <= DEFAULT.most_pairs
    # A larger shift than what matters is looked for no less carefully: the night may have been an odd one.
    assert pairs(0.02, 0.20) == pairs(0.02, 0.05)


def test_a_true_step_is_confirmed_with_its_size() -> None:
    series = noisy([4.0] * 30)
    found = confirm(about(series), runs(4.0, 15, 1), runs(4.2, 15, 2), 1, DEFAULT)
    assert found.outcome == CONFIRMED
    assert found.effect.low is not None
    assert found.effect.high is not None
    assert found.effect.low < 1.05 < found.effect.high


def test_equal_things_are_refuted() -> None:
    found = confirm(about(noisy([4.0] * 30)), runs(4.0, 15, 1), runs(4.0, 15, 2), 1, DEFAULT)
    assert found.outcome == REFUTED


def test_what_is_real_and_too_small_to_matter_is_refuted() -> None:
    found = confirm(about(noisy([4.0] * 30)), runs(4.0, 40, 1, 0.002), runs(4.03, 40, 2, 0.002), 1, DEFAULT)
    assert found.p_value < 1e-3
    assert found.outcome == REFUTED


def test_an_open_question_gets_one_more_look() -> None:
    series = noisy([4.0] * 30, artifacts=COMMITS)
    ratio = Interval(1.03, 0.99, 1.07, 8)
    assert judge_ratio(about(series), ratio, 1, DEFAULT).outcome == UNSURE
    assert judge_ratio(about(series), ratio, 2, DEFAULT).outcome == REFUTED
    asked = rerun_of(series, [about(series)], DEFAULT)
    assert asked is not None
    assert (again(asked, asked.suspicions).look, again(asked, asked.suspicions).pairs) == (2, asked.pairs)


def test_the_re_run_counts_also_where_the_night_had_shown_the_contrary() -> None:
    faster = about(noisy([4.0] * 30), shift=-0.05)
    assert confirm(faster, runs(4.0, 15, 1), runs(4.2, 15, 2), 1, DEFAULT).outcome == CONFIRMED


def test_runs_that_could_not_be_compared_leave_it_open() -> None:
    found = judge_ratio(about(noisy([4.0] * 30)), not_estimable("no run", 0), 1, DEFAULT)
    assert (found.outcome, found.p_value) == (UNSURE, 1.0)


def test_spread_is_judged_by_spread() -> None:
    wild = about(noisy([4.0] * 30), shift=1.1, aspect=SPREAD)
    found = confirm(wild, runs(4.0, 40, 1, 0.02), runs(4.0, 40, 2, 0.06), 1, DEFAULT)
    assert found.outcome == CONFIRMED
    assert found.effect.value == pytest.approx(3.0, rel=0.3)
    assert confirm(wild, runs(4.0, 40, 1, 0.02), runs(4.4, 40, 2, 0.02), 2, DEFAULT).outcome == REFUTED
    assert confirm(wild, {("s", 0): 1.0}, {("s", 0): 1.0}, 1, DEFAULT).outcome == UNSURE


def test_equal_re_runs_confirm_as_often_as_is_said() -> None:
    """5000 re-runs of equal things with both looks: not more than 0.4 %, within what chance allows."""
    suspicion, confirmed = about(noisy([4.0] * 30)), 0
    rng = np.random.default_rng(4)
    for _ in range(5000):
        logs = 0.02 * rng.standard_normal((2, 20))
        sides = [{("s", i): float(np.exp(x)) for i, x in enumerate(side)} for side in logs]
        first = confirm(suspicion, *({k: v for k, v in s.items() if k[1] < 10} for s in sides), 1, DEFAULT)  # type: ignore[misc]
        last = confirm(suspicion, *sides, 2, DEFAULT) if first.outcome == UNSURE else first  # type: ignore[misc]
        confirmed += last.outcome == CONFIRMED
    # 0.9999 quantile of the Poisson distribution with mean 20.
    assert confirmed <= 39


def test_a_request_decides_about_one_configuration() -> None:
    here, there = noisy([4.0] * 3), Series(key(device="pi4"), noisy([4.0] * 3).nights)
    with pytest.raises(ValueError, match="one configuration"):
        ConfirmationRequest(here.nights[0], here.last, 6, (about(here), about(there)))
    with pytest.raises(ValueError, match="pairs >= 2"):
        ConfirmationRequest(here.nights[0], here.last, 1, (about(here),))
