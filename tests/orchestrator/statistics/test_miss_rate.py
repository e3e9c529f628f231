"""The interval of a miss rate stands on runs, and is never surer than the chunks allow."""

import numpy as np
import pytest

from orchestrator.statistics.intervals import mean_interval
from orchestrator.statistics.miss_rate import miss_rate_interval


def test_one_run_has_a_rate_and_no_interval() -> None:
    found = miss_rate_interval([3], [100])
    assert (found.value, found.low, found.reason) == (0.03, None, "one run has no interval")
    assert miss_rate_interval([], []).value is None


def test_runs_that_agree_do_not_prove_that_there_is_never_a_miss() -> None:
    found = miss_rate_interval([0, 0], [500, 500])
    assert (found.value, found.low) == (0.0, 0.0)
    # Wilson's score interval for 0 of 1000: z^2 / (n + z^2).
    assert found.high == pytest.approx(1.959964**2 / (1000 + 1.959964**2), rel=1e-4)
    assert miss_rate_interval([0, 0], [50_000, 50_000]).high == pytest.approx(3.84e-5, rel=1e-2)


def test_runs_that_differ_are_as_wide_as_the_runs() -> None:
    misses, chunks = [10, 400, 30], [10_000] * 3
    assert miss_rate_interval(misses, chunks).high == mean_interval([0.001, 0.04, 0.003]).high
    assert miss_rate_interval(misses, chunks).low == 0.0, "cut: a share is not below zero"
    assert miss_rate_interval([900, 1000], [1000, 1000]).high == 1.0


@pytest.mark.parametrize("within", [0.0, 0.004])
def test_it_covers_although_the_misses_of_a_run_come_together(within: float) -> None:
    """Each run has a rate of its own around 1 %, so chunks of a run are alike."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1500):
        rates = np.clip(0.01 + within * rng.standard_normal(5), 0, 1)
        found = miss_rate_interval(rng.binomial(5000, rates).tolist(), [5000] * 5)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.01 <= found.high
    assert covered / 1500 >= 0.94


@pytest.mark.parametrize(("misses", "chunks"), [([1], [0]), ([5], [4]), ([-1], [4]), ([1, 2], [4])])
def test_what_cannot_be(misses: list[int], chunks: list[int]) -> None:
    with pytest.raises(ValueError, match="every run needs 0 <= misses <= chunks"):
        miss_rate_interval(misses, chunks)
