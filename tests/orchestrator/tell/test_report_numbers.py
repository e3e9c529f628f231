"""Numbers as text: three significant digits, nothing invented, limits in the words of the decision."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.decision import METRICS, SCORE, Estimate
from orchestrator.tell.report.numbers import COLUMNS, duration, figure, limited, significant, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.012345, "0.0123"),
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (123.45, "123"),
        (1234.5, "1,234"),
        (9.999, "10.00"),
        (-0.5, "−0.500"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


@given(st.floats(1e-9, 1e9))
def test_text_is_within_one_half_of_the_third_digit(value: float) -> None:
    assert float(significant(value).replace(",", "")) == pytest.approx(value, rel=0.0051)


def test_an_interval_is_no_finer_than_its_figure() -> None:
    assert figure(Estimate(1.2345, 0.98765, 12.345, 5), COLUMNS["latency_p50_ms"]) == ("1.23", "0.99 … 12.3")


def test_one_bound_is_said_as_a_bound() -> None:
    assert figure(Estimate(0.004, None, 0.009, 600), COLUMNS["quality_loss"]) == ("+0.40", "≤ +0.90")


def test_what_has_no_spread_has_no_interval() -> None:
    assert figure(Estimate(1.21, 1.21, 1.21, 1, "file"), COLUMNS["size_mb"]) == ("1.21", None)


def test_a_share_is_said_in_points_and_no_finer_than_the_evaluation_set() -> None:
    assert figure(Estimate(0.0, -0.004, 0.00512, 600), COLUMNS["quality_loss"]) == ("0", "−0.40 … +0.51")


def test_every_metric_has_a_column() -> None:
    assert set(COLUMNS) == {*METRICS, SCORE}


def test_a_limit_is_shown_as_its_metric() -> None:
    assert limited("max_p99_ms") is COLUMNS["latency_p99_ms"]
    assert limited("max_wonder").heading == "max wonder"


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.3e-6, "2.30 µs"), (0.0123, "12.3 ms"), (12.0, "12.0 s"), (600, "10.0 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(12, "12 B"), (403_333, "403 kB"), (1_210_000, "1.21 MB")])
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text
