"""Promise 4: no percentile without data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.statistics.percentiles import minimum_n, percentile, percentiles, ranks


@pytest.mark.parametrize(
    ("exceedances", "expected"),
    [(1, {0.9: 64, 0.99: 662, 0.999: 6636}), (0, {0.9: 44, 0.99: 459, 0.999: 4603})],
)
def test_smallest_n_is_the_published_table(exceedances: int, expected: dict[float, int]) -> None:
    assert {q: minimum_n(q, exceedances, 0.99) for q in expected} == expected


def test_smallest_n_with_no_exceedance_has_a_closed_form() -> None:
    for quantile in (0.6, 0.75, 0.9, 0.95, 0.99, 0.995):
        assert minimum_n(quantile, 0, 0.99) == math.ceil(math.log(0.01) / math.log(quantile))


@pytest.mark.parametrize(("quantile", "n"), [(0.5, 11), (0.9, 64), (0.99, 662), (0.999, 6636)])
def test_a_percentile_is_shown_from_its_smallest_n_on(quantile: float, n: int) -> None:
    values = np.arange(n)
    shown, hidden = percentile(values, quantile), percentile(values[:-1], quantile)
    low, value, high = shown.low, shown.value, shown.high
    assert low is not None
    assert value is not None
    assert high is not None
    assert low <= value <= high
    assert hidden.value is None
    assert hidden.reason == f"p{100 * quantile:g} needs {n} values, there are {n - 1}"


def test_twenty_values_never_print_a_p99() -> None:
    assert percentile(np.arange(20), 0.99).value is None


@pytest.mark.parametrize(("n", "quantile"), [(30, 0.5), (100, 0.9), (662, 0.99), (2000, 0.99), (7000, 0.999)])
def test_ranks_are_the_exact_equal_tailed_ones(n: int, quantile: float) -> None:
    def mass(i: int) -> float:
        log_ways = math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        return math.exp(log_ways + i * math.log(quantile) + (n - i) * math.log1p(-quantile))

    def cdf(k: int) -> float:
        return math.fsum(mass(i) for i in range(k + 1))

    found = ranks(n, quantile)
    assert found is not None
    low, value, high = found
    assert cdf(low - 1) <= 0.025 < cdf(low)
    assert cdf(high - 2) < 0.975 <= cdf(high - 1)
    assert value == math.ceil(round(n * quantile, 6))


def test_ranks_of_a_million_agree_with_the_normal_approximation() -> None:
    found = ranks(1_000_000, 0.99)
    assert found is not None
    spread = math.sqrt(1e6 * 0.99 * 0.01)
    assert found[0] == pytest.approx(990_000 - 1.96 * spread, abs=3)
    assert found[2] == pytest.approx(990_000 + 1.96 * spread, abs=3)


@given(st.lists(st.integers(0, 1000), min_size=70, max_size=200), st.sampled_from([0.1, 0.5, 0.9]))
def test_values_are_order_statistics_whatever_the_order(data: list[int], quantile: float) -> None:
    found = percentile(np.array(data), quantile)
    assert found.value == sorted(data)[math.ceil(round(len(data) * quantile, 6)) - 1]
    assert found == percentile(np.sort(data), quantile)


def test_several_at_once_equal_one_by_one() -> None:
    values = np.random.default_rng(3).lognormal(size=10_000)
    assert percentiles(values) == tuple(percentile(values, q) for q in (0.5, 0.9, 0.99, 0.999))


def test_interval_covers_for_independent_values() -> None:
    rng = np.random.default_rng(4)
    truth = math.exp(0.5 * 2.3263478740408408)
    found = [percentile(np.exp(0.5 * rng.standard_normal(800)), 0.99) for _ in range(2000)]
    covered = np.mean([f.low is not None and f.high is not None and f.low <= truth <= f.high for f in found])
    # Order statistics cannot cover less than they say, but for chance (0.95 - 3 sigma).
    assert 0.935 <= covered <= 0.985
