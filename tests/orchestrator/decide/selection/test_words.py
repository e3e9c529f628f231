import pytest

from orchestrator.decide.selection.words import NAMES, configuration, figure, percent, times
from orchestrator.domain.decision import METRICS, SCORE
from orchestrator.statistics.interval import Interval
from tests.sessions import candidate


def test_every_metric_has_a_name() -> None:
    assert NAMES.keys() == {*METRICS, SCORE}


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (1.2, "1.20"), (12.34, "12.3"), (1234.5, "1234"), (None, "not known")]
)
def test_figures_have_three_digits(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_percent() -> None:
    assert [percent(0.0025), percent(0.0025, sign=True), percent(-0.00001, sign=True)] == ["0.25 %", "+0.25 %", "+0 %"]


def test_ratios_are_said_from_the_greater_side() -> None:
    slow = Interval(2.1, 1.9, 2.3, 4)
    assert times(slow, "latency_p50_ms", "the winner") == "2.10x slower than the winner, 95 % interval 1.90..2.30"
    fast = Interval(0.5, 0.4, 0.8, 4)
    assert times(fast, "latency_p50_ms", "it") == "2.00x faster than it, 95 % interval 1.25..2.50"
    level = Interval(1.001, 0.9, 1.1, 4)
    assert times(level, "size_mb", "it") == "level with it, 95 % interval 0.900..1.10"
    alone = Interval(3.0, None, None, 1, reason="one run has no interval")
    assert times(alone, "size_mb", "it") == "3.00x larger than it, no interval: one run has no interval"


def test_a_configuration_is_spelt_out() -> None:
    assert configuration(candidate(threads=2)) == "onnx:fp32 on CPU with 2 threads"
    assert configuration(candidate("onnx:int8-dynamic", a="b")) == "onnx:int8-dynamic on CPU with 1 thread (a=b)"
