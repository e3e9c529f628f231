import numpy as np
import pytest

from orchestrator.statistics.autocorrelation import effective_sample_size, lag1
from tests.simulator.service import autoregressive


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_an_autoregressive_series_is_read_back(correlation: float) -> None:
    series = autoregressive(np.random.default_rng(1), 1, 50_000, correlation)[0]
    assert lag1(series) == pytest.approx(correlation, abs=0.02)
    expected = 50_000 * (1 - correlation) / (1 + correlation)
    assert effective_sample_size(series) == pytest.approx(expected, rel=0.15)


def test_alternation_is_negative_and_never_worth_more_than_its_length() -> None:
    series = np.tile([1.0, 2.0], 500)
    assert lag1(series) == pytest.approx(-1.0, abs=0.01)
    assert effective_sample_size(series) <= 1000


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 100])
def test_constant_and_short_series(n: int) -> None:
    assert lag1(np.ones(n)) == 0.0
    assert effective_sample_size(np.ones(n)) == n
