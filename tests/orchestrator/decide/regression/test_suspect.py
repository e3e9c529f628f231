"""The fast look, and what it starts from."""

import numpy as np
import pytest

from orchestrator.decide.regression.baseline import baseline_of, clipped, median
from orchestrator.decide.regression.suspect import lasting, suspicion
from orchestrator.decide.regression.trace import Trace, trace_of
from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night_series import Series
from orchestrator.domain.regression import LEVEL, SPREAD, worsens
from tests.orchestrator.decide.regression.nights import key, night, noisy


def suspect(levels: list[float], aspect: str = LEVEL, **more: float):
    series = noisy(levels, **more)  # type: ignore[arg-type]
    return suspicion(series.key, aspect, trace_of(series, aspect), DEFAULT)


def test_a_step_far_beyond_the_noise_is_seen_in_its_first_night() -> None:
    found = suspect([4.0] * 20 + [4.4])
    assert found is not None
    assert worsens(found.key, found.aspect, found.shift)
    assert found.shift == pytest.approx(np.log(1.1), abs=0.02)
    assert found.since.at == noisy([4.0] * 21).nights[20].at


def test_a_faster_night_is_seen_and_is_not_worse() -> None:
    found = suspect([4.0] * 20 + [3.5])
    assert found is not None
    assert not worsens(found.key, found.aspect, found.shift)
    assert found.shift < 0


def test_more_streams_are_better() -> None:
    nights = [night(i, [20.0 + 0.1 * (i % 3)] * 3) for i in range(20)]
    series = Series(key("streams"), (*nights, night(20, [12.0] * 3)))
    found = suspicion(series.key, LEVEL, trace_of(series, LEVEL), DEFAULT)
    assert found is not None
    assert worsens(found.key, found.aspect, found.shift)


def test_a_usual_night_is_not_suspect() -> None:
    assert suspect([4.0] * 21) is None


def test_too_few_nights_say_nothing() -> None:
    assert suspect([4.0] * 5 + [8.0]) is None


def test_values_that_repeat_exactly_have_no_endless_significance() -> None:
    """A memory peak in pages: the same night after night, then half a promille more."""
    same = [night(i, [80.0] * 3) for i in range(20)]
    series = Series(key("peak_rss_mb"), (*same, night(20, [80.04] * 3)))
    assert suspicion(series.key, LEVEL, trace_of(series, LEVEL), DEFAULT) is None


def test_an_odd_night_before_hides_nothing() -> None:
    assert suspect([4.0] * 10 + [6.0] + [4.0] * 12 + [4.3]) is not None


def test_runs_that_spread_three_times_as_far_are_seen() -> None:
    quiet = noisy([4.0] * 21)
    wild = noisy([4.0] * 21, noise=0.04, seed=3).last
    series = Series(quiet.key, (*quiet.nights[:-1], wild))
    found = suspicion(series.key, SPREAD, trace_of(series, SPREAD), DEFAULT)
    assert found is not None
    assert worsens(found.key, found.aspect, found.shift)


def test_lasting_needs_five_nights_and_is_not_made_by_an_odd_one() -> None:
    def last(levels: list[float]):
        series = noisy(levels)
        return lasting(series.key, trace_of(series, LEVEL), DEFAULT)

    assert last([4.0] * 20 + [4.3] * 5) is not None
    assert last([4.0] * 20 + [4.3] * 2) is None
    assert last([4.0] * 23 + [8.0, 4.0]) is None


def test_a_quiet_series_is_asked_for_more_than_a_noisy_one() -> None:
    """The threshold is the highest that still finds 5 % in two nights."""
    rates = []
    for noise in (0.005, 0.05):
        found = suspect([4.0] * 20 + [6.0], noise=noise)
        assert found is not None
        rates.append(found.rate)
    assert rates[0] < rates[1] <= 2 * DEFAULT.worse_alpha


def test_the_reference_takes_away_what_the_device_did() -> None:
    rng = np.random.default_rng(5)
    device = np.cumsum(0.02 * rng.standard_normal(25))
    device[-1] += 0.10
    series = noisy((4.0 * np.exp(device)).tolist(), seed=1)
    reference = noisy((2.0 * np.exp(device)).tolist(), seed=2)
    alone, beside = trace_of(series, LEVEL), trace_of(series, LEVEL, reference)
    assert beside.shared > 0.8
    assert abs(beside.x[-1] - beside.x[-2]) < 0.04 < abs(alone.x[-1] - alone.x[-2])


def test_a_reference_that_goes_its_own_way_is_left_alone() -> None:
    series, reference = noisy([4.0] * 25, seed=1), noisy([4.0] * 25, seed=2)
    assert trace_of(series, LEVEL, reference).shared == 0.0


def test_memory_makes_two_nights_say_less() -> None:
    rng = np.random.default_rng(0)
    x = np.zeros(400)
    for i in range(1, 400):
        x[i] = 0.5 * x[i - 1] + 0.01 * rng.standard_normal()
    found = baseline_of(x)
    assert 0.35 < found.memory < 0.65
    assert 0.25 < found.fewer < 0.5
    plain = baseline_of(0.01 * rng.standard_normal(400))
    assert found.standard_error(2) / found.scale > plain.standard_error(2) / plain.scale


def test_the_shift_of_one_night_expects_the_last_one_to_go_on() -> None:
    usual = baseline_of(np.array([0.0, 0.01, -0.01] * 10))
    assert usual.shift(0.0, np.array([0.05]))[0] == pytest.approx(0.05, abs=1e-6)
    remembering = type(usual)(0.0, 0.02, 0.5, 30)
    assert remembering.shift(0.04, np.array([0.05]))[0] == pytest.approx(0.03)


def test_clipping_and_the_median() -> None:
    x = np.array([0.0, 0.1, -0.1, 0.05, -0.05, 9.0])
    assert clipped(x).max() < 1.0
    for values in ([3.0, 1.0, 2.0], [4.0, 1.0, 2.0, 3.0], [7.0]):
        assert median(np.array(values)) == np.median(values)


def test_tuning_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="least <= wanted"):
        Tuning(wanted=0.01)
    with pytest.raises(ValueError, match="least_nights"):
        Tuning(least_nights=3)


def test_a_trace_without_nights_is_empty() -> None:
    series = Series(key(), (night(0, [4.0]),))
    assert len(trace_of(series, SPREAD)) == 0
    assert isinstance(trace_of(series, LEVEL), Trace)
