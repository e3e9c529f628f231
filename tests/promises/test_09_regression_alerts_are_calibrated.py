"""Promise 9: regression alerts state a calibrated false-alarm rate, and are confirmed by a re-run. On simulated nights
the stated rate holds, also with odd nights, with memory from night to night and where the whole lab drifts; a plain
threshold of 5 % raises many times as many alerts and finds fewer changes.
"""

import math

import pytest
from scipy.stats import binom, poisson

from orchestrator.decide.regression.rehearse import Rehearsal, Told, rehearse
from orchestrator.decide.regression.synthetic import DEVICE_STEP, STEP, WORLDS, Change, Made, make_nights
from orchestrator.decide.regression.tally import confirmed_alerts, false_per_100, found_within, plain_threshold
from orchestrator.decide.regression.tuning import DEFAULT
from orchestrator.domain.regression import BY_RERUN, DEVICE_DRIFT, IMPROVEMENT, REGRESSION

# The lab's movement is told by at least eight devices.
SERIES = 12
# So that a right program fails once in a thousand changes of its seed.
SURE = 0.999

Nights = tuple[list[Made], Rehearsal]


@pytest.fixture(scope="module")
def quiet() -> list[Nights]:
    """Nothing changes."""
    return [
        (made, rehearse(made, 9)) for world in WORLDS.values() for made in [make_nights(world, Change(), 9, SERIES)]
    ]


@pytest.fixture(scope="module")
def stepped() -> Nights:
    made = make_nights(WORLDS["iid 2 %"], Change(STEP, 0.05), 10, 3 * SERIES)
    return made, rehearse(made, 10)


def test_the_stated_rate_holds_and_a_plain_threshold_does_not_keep_it(quiet: list[Nights]) -> None:
    nights = sum(done.series_nights for _, done in quiet)
    most = poisson.ppf(SURE, DEFAULT.false_alarms_per_100 / 100 * nights)
    ours = sum(len(confirmed_alerts(done)) for _, done in quiet)
    assert ours <= most
    naive = sum(false_per_100(plain_threshold(made), done.series_nights) for made, done in quiet) / len(quiet)
    assert naive > 10 * DEFAULT.false_alarms_per_100
    assert DEFAULT.false_alarms_per_100 <= 0.1


def test_no_false_alarm_because_suspicions_are_run_again(quiet: list[Nights]) -> None:
    """Suspected is often: a twentieth of all nights at least. What a re-run does not show is not told."""
    assert sum(done.reruns for _, done in quiet) > 0.05 * sum(done.series_nights for _, done in quiet)


def test_a_step_of_5_percent_is_found_within_two_nights(stepped: Nights) -> None:
    made, done = stepped
    found = found_within(confirmed_alerts(done), made, 2)
    assert found >= binom.ppf(1 - SURE, len(made), 0.97) / len(made)
    assert found > found_within(plain_threshold(made), made, 2)


def test_every_alert_is_confirmed_by_a_re_run_that_says_how_much(stepped: Nights) -> None:
    made, done = stepped
    told = [
        each for each in done.told if each.verdict.kind == REGRESSION and each.night >= (made[each.series].begin or 0)
    ]
    assert told
    for each in told:
        assert each.verdict.confirmed_by == BY_RERUN
        assert each.verdict.false_alarms_per_100 == DEFAULT.false_alarms_per_100
    covered = sum(_holds(each.verdict.effect.low, 1.05, each.verdict.effect.high) for each in told)
    # What was confirmed was larger rather than smaller than it is: the intervals hold a little less than 95 %.
    assert covered >= binom.ppf(1 - SURE, len(told), 0.90)


def test_since_when_holds_the_night_of_the_change(stepped: Nights) -> None:
    made, done = stepped
    told = [
        each for each in done.told if each.verdict.kind == REGRESSION and each.night >= (made[each.series].begin or 0)
    ]
    held = sum(
        each.verdict.since.earliest <= made[each.series].series.nights[made[each.series].begin or 0].at
        <= each.verdict.since.latest
        for each in told
    )  # fmt: skip
    assert held >= binom.ppf(1 - SURE, len(told), 0.9)


def test_a_device_that_drifts_is_told_and_its_model_is_not_blamed() -> None:
    made = make_nights(WORLDS["iid 2 %"], Change(DEVICE_STEP, 0.08), 11, SERIES)
    told = [each for each in rehearse(made, 11).told if each.night >= (made[each.series].begin or 0)]
    drifted = {each.series for each in told if each.verdict.kind == DEVICE_DRIFT}
    assert len(drifted) >= binom.ppf(1 - SURE, len(made), 0.95)
    blamed = [each for each in told if each.verdict.kind in (REGRESSION, IMPROVEMENT)]
    assert len(blamed) <= 1


def _regressions(made: list[Made], done: Rehearsal) -> list[Told]:
    """Those that were told when there was one."""
    return [t for t in done.told if t.verdict.kind == REGRESSION and t.night >= (made[t.series].begin or 0)]


def _holds(low: float | None, value: float, high: float | None) -> bool:
    return low is not None and high is not None and math.log(low) <= math.log(value) <= math.log(high)
