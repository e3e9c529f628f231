"""Native histograms: bounds by their formula, and quantiles within one bucket's width of the exact ones."""

import math

import numpy as np
import pytest

from orchestrator.tell.telemetry.buckets import Buckets, buckets


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
