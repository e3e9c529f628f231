import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.statistics.students_t import quantile, upper_tail

# Table of the t distribution, NIST/SEMATECH e-Handbook 1.3.6.7.2.
TABLE = {
    (0.90, 1): 3.078, (0.95, 1): 6.314, (0.975, 1): 12.706, (0.99, 1): 31.821, (0.995, 1): 63.657, (0.999, 1): 318.309,
    (0.95, 2): 2.920, (0.975, 2): 4.303, (0.995, 2): 9.925, (0.975, 3): 3.182, (0.975, 4): 2.776, (0.99, 5): 3.365,
    (0.975, 9): 2.262, (0.999, 10): 4.144, (0.95, 15): 1.753, (0.975, 30): 2.042, (0.975, 100): 1.984,
}  # fmt: skip


@pytest.mark.parametrize(("probability", "freedom"), TABLE)
def test_quantile_is_the_published_one(probability: float, freedom: int) -> None:
    assert quantile(probability, freedom) == pytest.approx(TABLE[probability, freedom], abs=6e-4)


def test_one_and_two_degrees_of_freedom_have_closed_forms() -> None:
    for p in (0.6, 0.9, 0.975, 0.9995):
        assert quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-10)
        assert quantile(p, 2) == pytest.approx((2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-10)


def test_many_degrees_of_freedom_are_normal() -> None:
    assert quantile(0.975, 1e6) == pytest.approx(1.959966, abs=1e-5)


@given(st.floats(0.001, 0.999), st.floats(1, 500))
def test_quantile_inverts_the_tail(probability: float, freedom: float) -> None:
    assert upper_tail(quantile(probability, freedom), freedom) == pytest.approx(1 - probability, abs=1e-9)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 1.5])
def test_probability_outside_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(probability, 3)
