"""What n runs can tell: against simulated t tests, and against published sample sizes."""

import math

import numpy as np
import pytest

from orchestrator.statistics import power
from orchestrator.statistics.intervals import mean_interval, ratio_unpaired


@pytest.mark.parametrize("pairs", [3, 6, 12])
def test_a_detectable_difference_is_found_four_times_in_five(pairs: int) -> None:
    rng, deviation = np.random.default_rng(pairs), 0.03
    truth = power.detectable(deviation, pairs)
    found = [mean_interval(truth + deviation * rng.standard_normal(pairs)) for _ in range(2000)]
    assert np.mean([i.low is not None and i.low > 0 for i in found]) == pytest.approx(0.8, abs=0.03)


def test_unpaired_runs_too() -> None:
    rng, deviation, runs = np.random.default_rng(1), 0.03, 6
    truth = power.detectable_unpaired(deviation, runs)
    draws = np.exp(deviation * rng.standard_normal((2000, 2, runs)))
    found = [ratio_unpaired(math.exp(truth) * above, below) for above, below in draws]
    assert np.mean([i.low is not None and i.low > 1 for i in found]) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("d", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_pairs_are_those_of_the_textbook(d: float, pairs: int) -> None:
    """Two-sided paired t test, alpha 5 %, power 80 %: 199, 34 and 15 pairs (G*Power 3.1 gives these)."""
    assert power.pairs_to_find(1.0, d) == pairs


def test_a_test_without_a_difference_finds_one_in_twenty() -> None:
    assert power.power(0.0, 5) == pytest.approx(0.05, abs=1e-6)


def test_more_runs_tell_less_and_the_fewest_are_enough() -> None:
    assert power.detectable(0.03, 6) > power.detectable(0.03, 12)
    pairs = power.pairs_to_bound(0.03, 0.02)
    assert pairs is not None
    assert power.pairs_to_find(0.03, 1e-6) is None


@pytest.mark.parametrize("freedom", [2, 5, 9, 19])
def test_the_bound_of_a_pilots_deviation_holds_four_times_in_five(freedom: int) -> None:
    rng = np.random.default_rng(freedom)
    deviations = rng.standard_normal((4000, freedom + 1)).std(axis=1, ddof=1)
    held = np.mean([power.pilot_bound(float(s), freedom) >= 1.0 for s in deviations])
    assert held == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("runs", [0, 1])
def test_one_run_tells_nothing(runs: int) -> None:
    with pytest.raises(ValueError, match="must be >= 2"):
        power.detectable(0.1, runs)
    with pytest.raises(ValueError, match="must be >= 2"):
        power.detectable_unpaired(0.1, runs)
