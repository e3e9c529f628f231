"""The slow look, since when, and what may be to blame."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.decide.regression import nights as over_nights
from orchestrator.decide.regression.blame import blame, not_recorded
from orchestrator.decide.regression.nights import change_over_nights
from orchestrator.decide.regression.since import at_once, since
from orchestrator.decide.regression.trace import trace_of
from orchestrator.decide.regression.tuning import DEFAULT
from orchestrator.domain.night_series import Axes, Night
from orchestrator.domain.regression import LEVEL
from orchestrator.errors import BadInput
from tests.orchestrator.decide.regression.nights import at, noisy


def change(levels: list[float], **more: float):
    series = noisy(levels, **more)  # type: ignore[arg-type]
    return change_over_nights(series.key, LEVEL, trace_of(series, LEVEL), DEFAULT)


def test_a_step_of_3_percent_is_found_where_it_began() -> None:
    found = change([4.0] * 30 + [4.12] * 12)
    assert found is not None
    assert found.shift == pytest.approx(np.log(1.03), abs=0.01)
    assert found.since.earliest <= at(30) <= found.since.latest
    assert found.p_value <= DEFAULT.nights_alpha


def test_nothing_is_found_in_noise() -> None:
    assert [seed for seed in range(40) if change([4.0] * 60, seed=seed, noise=0.02)] == []


def test_odd_nights_are_no_level() -> None:
    levels = [4.0] * 60
    levels[20], levels[41], levels[58] = 6.0, 5.5, 6.5
    assert change(levels) is None


def test_what_is_too_small_to_matter_is_not_told() -> None:
    assert change([4.0] * 30 + [4.04] * 25, noise=0.002) is None


def test_a_level_must_last_for_five_nights() -> None:
    assert change([4.0] * 40 + [4.4] * 3) is None


def test_ties_are_no_obstacle() -> None:
    """A figure in whole pages takes few values."""
    series = noisy([80.0] * 20 + [88.0] * 8, noise=0.0)
    found = change_over_nights(series.key, LEVEL, trace_of(series, LEVEL), DEFAULT)
    assert found is not None


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_nights, "find_spec", lambda name: None)
    over_nights._missing.cache_clear()
    try:
        with pytest.raises(BadInput, match="ruptures and scipy") as raised:
            over_nights.require_libraries()
        assert "earshot[regression]" in str(raised.value.hint)
    finally:
        over_nights._missing.cache_clear()


def test_since_is_sure_of_a_large_step_and_vague_about_a_small_one() -> None:
    sure, vague = (
        since(series.nights, trace_of(series, LEVEL).x)
        for series in (noisy([4.0] * 20 + [5.0] * 10), noisy([4.0] * 20 + [4.03] * 10, noise=0.03))
    )
    assert (sure.earliest, sure.at, sure.latest) == (at(20),) * 3
    assert vague.earliest < vague.latest
    assert sum(weight for _, weight in vague.weights) == pytest.approx(1.0, abs=0.05)
    assert str(sure) == at(20)


def test_since_holds_the_truth_in_most_cases() -> None:
    held = 0
    for seed in range(200):
        series = noisy([4.0] * 20 + [4.06] * 8, seed=seed, noise=0.02)
        found = since(series.nights, trace_of(series, LEVEL).x)
        held += found.earliest <= at(20) <= found.latest
    assert held >= 180


def with_axes(changes: dict[int, Axes], count: int = 10) -> list[Night]:
    axes, found = Axes(), []
    for i in range(count):
        axes = changes.get(i, axes)
        found.append(Night(at(i), (4.0,), "a", axes))
    return found


BEFORE = Axes("c1", "onnx 1.22", "1.30", "B1", "pi5-a")


def test_only_what_changed_in_the_range_is_to_blame() -> None:
    newer = replace(BEFORE, exporter="onnx 1.23")
    nights = with_axes({0: BEFORE, 3: newer, 6: replace(newer, model_commit="c2")})
    (only,) = blame(nights, at_once(nights[6]))
    assert (only.axis, only.before, only.after, only.at) == ("model_commit", "c1", "c2", at(6))
    assert only.probability == 1.0
    assert str(only).startswith("model commit c1 -> c2")
    assert blame(nights, at_once(nights[5])) == ()


def test_axes_that_changed_together_stay_together() -> None:
    nights = with_axes({0: BEFORE, 6: Axes("c2", "onnx 1.22", "1.31", "B2", "pi5-a")})
    found = blame(nights, at_once(nights[6]))
    assert [each.axis for each in found] == ["model_commit", "runtime", "os_build"]
    pushed = blame(nights, at_once(nights[6]), ("model_commit", "exporter", "runtime"))
    assert [each.axis for each in pushed] == ["model_commit", "runtime"]


def test_the_likelier_night_comes_first() -> None:
    newer = replace(BEFORE, model_commit="c2")
    nights = with_axes({0: BEFORE, 4: newer, 5: replace(newer, runtime="1.31")})
    when = type(at_once(nights[0]))(at(5), at(4), at(5), ((at(4), 0.2), (at(5), 0.8)))
    assert [each.axis for each in blame(nights, when)] == ["runtime", "model_commit"]


def test_what_was_not_recorded_cannot_be_ruled_out() -> None:
    nights = with_axes({0: BEFORE, 6: Axes("c2", None, "1.30", "B1", "pi5-a")})
    assert not_recorded(nights, at_once(nights[6])) == ("exporter",)
    assert not_recorded(nights, at_once(nights[3])) == ()
