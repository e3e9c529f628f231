"""Promise 5: intervals cover, at the level of runs."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import (
    mean_interval,
    median_interval,
    prediction_interval,
    ratio_paired,
    ratio_unpaired,
)
from orchestrator.statistics.percentiles import percentile
from tests.simulator.service import autoregressive

TRIALS = 3000


def covers(interval: Interval, truth: float) -> bool:
    return interval.low is not None and interval.high is not None and interval.low <= truth <= interval.high


def coverage(draw: Callable[[np.random.Generator], Interval], truth: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([covers(draw(rng), truth) for _ in range(TRIALS)]))


@pytest.mark.parametrize("runs", [3, 5, 10])
def test_mean_of_runs_covers(runs: int) -> None:
    share = coverage(lambda rng: mean_interval(7.0 + rng.standard_normal(runs)), 7.0, runs)
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("blocks", [4, 8])
def test_paired_ratio_covers_although_the_blocks_drift(blocks: int) -> None:
    def draw(rng: np.random.Generator) -> Interval:
        drift = np.exp(0.3 * rng.standard_normal(blocks))
        noise = np.exp(0.03 * rng.standard_normal((2, blocks)))
        return ratio_paired(2.0 * drift * noise[0], drift * noise[1])

    assert 0.93 <= coverage(draw, 2.0, blocks) <= 0.97


def test_unpaired_ratio_covers_with_unlike_spreads_and_numbers() -> None:
    def draw(rng: np.random.Generator) -> Interval:
        slow, fast = 0.15 * rng.standard_normal(5), 0.02 * rng.standard_normal(9)
        return ratio_unpaired(1.5 * np.exp(slow), np.exp(fast))

    assert 0.93 <= coverage(draw, 1.5, 11) <= 0.97


def test_pairing_is_narrower_where_blocks_drift() -> None:
    rng = np.random.default_rng(5)
    drift = np.exp(0.2 * rng.standard_normal(6))
    a, b = 1.1 * drift * np.exp(0.01 * rng.standard_normal(6)), drift * np.exp(0.01 * rng.standard_normal(6))
    paired, unpaired = ratio_paired(a, b), ratio_unpaired(a, b)
    assert not covers(paired, 1.0)
    assert covers(unpaired, 1.0)


def test_runs_cover_where_the_chunks_of_one_run_do_not() -> None:
    """AR(1) 0.9 within a run: the interval over chunks covers about 0.55 where it says 0.95; over runs it holds."""
    rng, truth, runs = np.random.default_rng(6), NormalDist().inv_cdf(0.99), 8
    chunks = autoregressive(rng, 400 * runs, 1200, 0.9)
    within = [percentile(run, 0.99) for run in chunks]
    assert 0.45 <= np.mean([covers(p, truth) for p in within]) <= 0.65
    # One p99 per run is a little biased; what the runs estimate is the mean of that figure.
    values = np.array([p.value for p in within], dtype=np.float64)
    groups = [mean_interval(group) for group in values.reshape(-1, runs)]
    assert 0.92 <= np.mean([covers(g, float(values.mean())) for g in groups]) <= 0.98


def test_prediction_interval_covers_the_mean_of_new_runs() -> None:
    rng, hits = np.random.default_rng(7), 0
    for _ in range(TRIALS):
        predicted = prediction_interval(mean_interval(5 + rng.standard_normal(4)), 2)
        hits += covers(predicted, float((5 + rng.standard_normal(2)).mean()))
    assert 0.93 <= hits / TRIALS <= 0.97


def test_median_interval_needs_six_runs() -> None:
    assert median_interval([1, 2, 3, 4, 5]).low is None
    six = median_interval([6, 1, 2, 5, 3, 4])
    assert (six.low, six.value, six.high) == (1.0, 3.5, 6.0)


def test_no_run_is_not_estimable_and_one_has_no_interval() -> None:
    assert mean_interval([]).value is None
    one = mean_interval([3.0])
    assert (one.value, one.low, one.reason) == (3.0, None, "one run has no interval")
    assert ratio_unpaired([2.0], [1.0]).value == pytest.approx(2.0)
    assert ratio_unpaired([], [1.0]).value is None
    assert prediction_interval(one, 2).value is None


def test_equal_runs_have_an_interval_of_no_width() -> None:
    same = ratio_paired([4.0, 4.0, 4.0], [2.0, 2.0, 2.0])
    assert (same.low, same.value, same.high) == pytest.approx((2.0, 2.0, 2.0))
    assert ratio_unpaired([4.0, 4.0], [2.0, 2.0]).high == pytest.approx(2.0)


@pytest.mark.parametrize("bad", [[0.0, 1.0], [-1.0, 2.0], [float("nan"), 1.0]])
def test_ratios_refuse_what_has_no_logarithm(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"must be|needs values"):
        ratio_paired(bad, [1.0, 1.0])


def test_pairs_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="got 2 and 3"):
        ratio_paired([1.0, 2.0], [1.0, 2.0, 3.0])
