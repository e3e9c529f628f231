"""Native histograms: bounds by their formula, and quantiles within one bucket's width of the exact ones."""

import math

import numpy as np
import pytest

from orchestrator.statistics.log_buckets import RELATIVE_ERROR, Buckets, buckets, percentile_of
from orchestrator.statistics.percentiles import percentile


def test_a_value_lies_in_the_bucket_of_its_bounds() -> None:
    values = np.array([1.0, 1.0 + 1e-9, 2.0, 2.0 ** (1 / 32), 0.001, 0.0])
    found = buckets(values)
    assert found.zero == 1
    assert found.count == 6
    assert dict(zip(found.indices, found.counts, strict=True)) == {
        math.ceil(32 * math.log2(0.001)): 1,
        0: 1,
        1: 2,
        32: 1,
    }


def test_a_quantile_read_from_it_is_within_a_bucket() -> None:
    values = np.random.default_rng(0).lognormal(-6.0, 0.5, 100_000)
    found = buckets(values)
    for quantile in (0.5, 0.9, 0.99):
        rank = np.searchsorted(np.cumsum(found.counts), quantile * found.count)
        upper = 2.0 ** (found.indices[int(rank)] / 32)
        assert upper / 2.0 ** (1 / 32) <= np.quantile(values, quantile) <= upper
    assert found.total == pytest.approx(values.sum())


def test_spans_and_deltas_say_the_same_as_the_counts() -> None:
    found = Buckets([-5, -4, 0, 7, 8, 9], [3, 1, 4, 1, 5, 9], 0, 1.0)
    assert list(found.spans()) == [(-5, 2), (3, 1), (6, 3)]
    assert found.deltas() == [3, -2, 3, -3, 4, 4]
    assert list(Buckets([], [], 2, 0.0).spans()) == []


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_there_is_no_bucket_for_what_is_no_latency(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        buckets(np.array([1.0, bad]))


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("seed", range(5))
def test_its_percentiles_are_those_of_the_values_within_the_error_that_is_told(quantile: float, seed: int) -> None:
    values = np.random.default_rng(seed).lognormal(-6.0, 1.0, 8_000)
    exact, found = percentile(values, quantile), percentile_of(buckets(values), quantile)
    assert exact.value is not None
    assert exact.low is not None
    assert exact.high is not None
    assert found.value == pytest.approx(exact.value, rel=RELATIVE_ERROR)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= exact.low
    assert found.high >= exact.high
    assert found.n == 8_000
    assert found.reason == "of a histogram: within 1.1 %"


def test_too_few_values_are_too_few_for_it_too() -> None:
    found = percentile_of(buckets(np.ones(100)), 0.99)
    assert (found.value, found.n, found.reason) == (None, 100, "p99 needs 662 values, there are 100")


def test_zeros_are_counted_below_all_others() -> None:
    found = percentile_of(buckets(np.r_[np.zeros(900), np.ones(100)]), 0.5)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
