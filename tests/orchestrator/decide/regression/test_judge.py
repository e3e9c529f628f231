"""A night judged: look, re-runs, verdicts; devices and the lab; what has no noise."""

from dataclasses import replace

import pytest

from orchestrator.decide.regression.device import LAB, drifts
from orchestrator.decide.regression.judge import conclude
from orchestrator.decide.regression.look import Look, Watched, look
from orchestrator.domain.night_series import Series, SeriesKey
from orchestrator.domain.regression import (
    BY_ITEMS,
    BY_NIGHTS,
    BY_RERUN,
    BY_VALUE,
    CONFIRMED,
    DEVICE_DRIFT,
    DISMISSED,
    IMPROVEMENT,
    LAB_DRIFT,
    LEVEL,
    REFUTED,
    REGRESSION,
    SUSPECT,
    Confirmation,
)
from orchestrator.domain.score import ItemScore
from orchestrator.statistics.interval import Interval
from tests.orchestrator.decide.regression.nights import at, key, night, noisy

COMMITS = [f"c{i}" for i in range(60)]
STEP = [4.0] * 20 + [4.4]


def stepped(**more: object) -> Series:
    return noisy(STEP, artifacts=COMMITS[: len(STEP)], **more)  # type: ignore[arg-type]


def answered(found: Look, outcome: str, effect: Interval, p: float) -> dict[tuple[SeriesKey, str], Confirmation]:
    (asked,) = found.requests
    return {(s.key, s.aspect): Confirmation(s, outcome, effect, p) for s in asked.suspicions}


def test_without_a_re_run_it_stays_suspect() -> None:
    (verdict,) = conclude(look([Watched(stepped())]))
    assert verdict.kind == SUSPECT
    assert not verdict.alert
    assert "a re-run is to decide" in verdict.said
    assert verdict.effect.low is None


def test_confirmed_by_a_re_run_it_is_an_alert_that_explains_itself() -> None:
    found = look([Watched(stepped())])
    (verdict,) = conclude(found, answered(found, CONFIRMED, Interval(1.1, 1.09, 1.11, 12), 1e-6))
    assert (verdict.kind, verdict.confirmed_by, verdict.at) == (REGRESSION, BY_RERUN, at(20))
    assert verdict.alert
    assert verdict.effect == Interval(1.1, 1.09, 1.11, 12)
    assert verdict.since.at == at(20)
    assert [each.axis for each in verdict.blame] == ["model_commit"]
    assert (verdict.blame[0].before, verdict.blame[0].after) == ("c19", "c20")
    assert 0 < verdict.false_alarms_per_100 <= 0.1
    for part in ("10 % slower", "9 % to 11 %", f"since {at(20)}", "12 interleaved pairs", "c19 -> c20", "exporter"):
        assert part in verdict.said


def test_what_is_faster_is_an_improvement_and_no_alert() -> None:
    series = noisy([4.0] * 20 + [3.4], artifacts=COMMITS[:21])
    found = look([Watched(series)])
    (verdict,) = conclude(found, answered(found, CONFIRMED, Interval(0.85, 0.84, 0.86, 12), 1e-6))
    assert verdict.kind == IMPROVEMENT
    assert not verdict.alert
    assert "15 % faster (95 % interval 14 % to 16 %)" in verdict.said


def test_a_refuted_suspicion_is_dismissed_and_says_what_it_was() -> None:
    found = look([Watched(stepped())])
    answers = answered(found, REFUTED, Interval(1.001, 0.99, 1.012, 12), 0.8)
    (verdict,) = conclude(found, answers)
    assert (verdict.kind, verdict.confirmed_by) == (DISMISSED, None)
    assert "of that night" in verdict.said
    (drifted,) = conclude(found, answers, drifting={"pi5"})
    assert "the device drifted" in drifted.said


def test_among_many_series_more_is_asked() -> None:
    """A re-run whose p-value is good for one series is chance among ten thousand."""
    found = look([Watched(stepped())])
    answers = answered(found, CONFIRMED, Interval(1.03, 1.005, 1.055, 12), 0.002)
    assert conclude(found, answers)[0].kind == REGRESSION
    (taken_back,) = conclude(replace(found, looked_at=10_000_000), answers)
    assert taken_back.kind == SUSPECT
    assert "may be chance" in taken_back.said


def test_what_lasts_over_nights_needs_no_re_run() -> None:
    series = noisy([4.0] * 25 + [4.4] * 10, artifacts=COMMITS[:35])
    (verdict,) = conclude(look([Watched(series)]))
    assert (verdict.kind, verdict.confirmed_by) == (REGRESSION, BY_NIGHTS)
    assert verdict.effect.low is not None
    assert verdict.effect.low < 1.1 < (verdict.effect.high or 0)
    assert verdict.since.earliest <= at(25) <= verdict.since.latest


def test_where_nothing_was_pushed_it_is_the_device() -> None:
    (verdict,) = conclude(look([Watched(noisy([4.0] * 25 + [4.4] * 10))]))
    assert verdict.kind == DEVICE_DRIFT
    assert "the same was pushed" in verdict.said


def test_an_accepted_level_is_not_told_again() -> None:
    series = noisy([4.0] * 25 + [4.4] * 10, artifacts=COMMITS[:35])
    assert conclude(look([Watched(series, level_since=at(25))])) == ()


def test_one_re_run_answers_for_all_metrics_of_a_configuration() -> None:
    latency = stepped()
    rtf = Series(replace(latency.key, metric="rtf"), latency.nights)
    other = Series(replace(latency.key, device="pi4"), latency.nights)
    found = look([Watched(latency), Watched(rtf), Watched(other)])
    assert [len(asked.suspicions) for asked in found.requests] == [2, 1]
    assert found.looked_at == 6


def test_any_change_of_a_size_is_told_and_certain() -> None:
    nights = [night(i, [1.5], model_commit="c1") for i in range(3)]
    same = Series(key("size_mb"), tuple(nights))
    assert conclude(look([Watched(same)])) == ()
    grown = Series(key("size_mb"), (*nights, night(3, [1.53], model_commit="c2")))
    (verdict,) = conclude(look([Watched(grown)]))
    assert (verdict.kind, verdict.confirmed_by, verdict.false_alarms_per_100) == (REGRESSION, BY_VALUE, 0.0)
    assert verdict.effect.value == pytest.approx(1.02)
    assert "2 % larger, since" in verdict.said


def test_an_error_rate_is_judged_by_its_items() -> None:
    def scored(index: int, wrong: int):
        items = tuple(ItemScore(f"clip{i}", float(i < wrong), 1.0) for i in range(200))
        return replace(night(index, [wrong / 200]), items=items)

    def of(*wrong: int) -> tuple:
        return conclude(look([Watched(Series(key("error_rate"), tuple(scored(i, n) for i, n in enumerate(wrong))))]))

    assert of(10, 10) == ()
    # One item more may be chance.
    assert of(10, 11) == ()
    (worse,) = of(10, 30)
    assert (worse.kind, worse.confirmed_by, worse.relative) == (REGRESSION, BY_ITEMS, False)
    assert worse.effect.value == pytest.approx(0.1)
    assert "10.0 points more errors" in worse.said
    (better,) = of(30, 10)
    assert better.kind == IMPROVEMENT


def fleet(levels: list[float], moved: list[float] | None = None, devices: int = 10) -> list[Series]:
    """References; the first device has ``moved``."""
    found = []
    for i in range(devices):
        series = noisy(moved if moved is not None and i == 0 else levels, seed=i)
        found.append(Series(key(device=f"d{i}", model="reference"), series.nights))
    return found


def test_a_device_whose_reference_moves_has_drifted() -> None:
    (verdict,) = drifts(fleet([4.0] * 30, [4.0] * 24 + [4.3] * 6))
    assert (verdict.kind, verdict.key.device, verdict.confirmed_by) == (DEVICE_DRIFT, "d0", BY_NIGHTS)
    assert verdict.alert
    assert verdict.since.earliest <= at(24) <= verdict.since.latest
    assert "d0 itself drifted" in verdict.said


def test_what_all_devices_do_is_told_of_the_lab_once() -> None:
    (verdict,) = drifts(fleet([4.0] * 24 + [4.3] * 6))
    assert (verdict.kind, verdict.key.device) == (LAB_DRIFT, LAB)
    assert "the lab itself drifted" in verdict.said


def test_quiet_devices_are_left_alone() -> None:
    assert drifts(fleet([4.0] * 30)) == ()


def test_a_warm_week_of_the_lab_raises_no_suspicion_of_a_model() -> None:
    warm = [4.0] * 24 + [4.3] * 3
    references = fleet(warm)
    watched = [
        Watched(Series(key(device=f"d{i}"), noisy(warm, seed=100 + i, artifacts=COMMITS[:27]).nights), reference)
        for i, reference in enumerate(references)
    ]
    beside = [case for case in look(watched).cases if case.suspicion.aspect == LEVEL]
    alone = [case for case in look([Watched(w.series) for w in watched]).cases if case.suspicion.aspect == LEVEL]
    assert len(alone) == 10
    assert len(beside) <= 2


def test_a_night_that_has_no_spread_is_judged_by_its_level_alone() -> None:
    series = Series(key(), tuple(night(i, [4.0 + 0.01 * (i % 3)]) for i in range(20)))
    assert conclude(look([Watched(series)])) == ()


def test_a_reference_that_has_not_run_since_is_none() -> None:
    series = stepped()
    old = Series(key(model="reference"), noisy([4.0] * 3).nights)
    assert look([Watched(series, old, level_since=at(5))]).cases
