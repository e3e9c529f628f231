import math

import pytest

from orchestrator.domain.night_series import Night, Series, SeriesKey, WatchedMetric


def key(metric: str) -> SeriesKey:
    return SeriesKey("pi5", "kws", "onnxruntime", "CPUExecutionProvider", "onnx:fp32", "paced", metric)


def test_the_level_of_a_night_leaves_out_the_odd_runs() -> None:
    assert Night("2026-01-01", (4.0, 4.0, 4.0, 4.0, 9.0), "a").level == pytest.approx(math.log(4.0))
    assert Night("2026-01-01", (1.0, 4.0), "a").level == pytest.approx(math.log(2.0))


def test_one_run_has_no_deviation() -> None:
    assert Night("2026-01-01", (4.0,), "a").deviation is None


@pytest.mark.parametrize("values", [(), (float("nan"),), (math.inf,)])
def test_a_night_without_figures_is_none(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="finite"):
        Night("2026-01-01", values, "a")


def test_a_night_has_a_date() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        Night("yesterday", (1.0,), "a")


def test_nights_come_in_order_and_once() -> None:
    nights = [Night(f"2026-01-0{i}", (1.0,), "a") for i in (1, 2)]
    for wrong in ((), nights[::-1], [nights[0], nights[0]]):
        with pytest.raises(ValueError, match="in order"):
            Series(key("rtf"), tuple(wrong))
    assert [night.at for night in Series(key("rtf"), tuple(nights)).since("2026-01-02").nights] == ["2026-01-02"]


def test_a_ratio_needs_values_above_zero() -> None:
    """Net energy may come out below zero: such a night is left out of its series."""
    with pytest.raises(ValueError, match="must be > 0"):
        Series(key("energy_mj_per_audio_s"), (Night("2026-01-01", (-1.0,), "a"),))
    Series(key("error_rate"), (Night("2026-01-01", (0.0,), "a"),))


def test_only_known_metrics_are_watched() -> None:
    with pytest.raises(ValueError, match="metric must be one of"):
        key("happiness")
    with pytest.raises(ValueError, match="noise must be"):
        WatchedMetric("ms", noise="some")
