"""The thermal model against the differential equation that it solves."""

import math

import pytest

from tests.simulator.thermal import Cooling, Heat

COOLING = Cooling(ambient_c=25.0, resistance_c_per_w=10.0, time_constant_s=100.0, trip_c=70.0, hysteresis_c=5.0)


def by_small_steps(temperature_c: float, power_w: float, seconds: float) -> float:
    """C dT/dt = P - (T - ambient) / R, with R C = 100 s, in steps of a ms."""
    step_s = 1e-3
    for _ in range(round(seconds / step_s)):
        temperature_c += step_s / 100.0 * (25.0 + 10.0 * power_w - temperature_c)
    return temperature_c


@pytest.mark.parametrize(("start_c", "power_w"), [(25.0, 6.0), (80.0, 0.0), (40.0, 1.5)])
def test_it_warms_and_cools_as_the_equation_says(start_c: float, power_w: float) -> None:
    assert COOLING.after_c(start_c, power_w, 60.0) == pytest.approx(by_small_steps(start_c, power_w, 60.0), abs=1e-2)


def test_many_short_steps_are_one_long_one() -> None:
    heat = Heat(COOLING)
    for _ in range(1000):
        heat.advance(3.0, 0.06)
    assert heat.temperature_c == pytest.approx(COOLING.after_c(25.0, 3.0, 60.0), abs=1e-9)
    assert COOLING.after_c(25.0, 3.0, 1e6) == pytest.approx(COOLING.steady_c(3.0)) == 55.0


def test_the_time_to_a_temperature() -> None:
    seconds = COOLING.seconds_to(70.0, 6.0)
    assert seconds == pytest.approx(100 * math.log(60 / 15))
    assert COOLING.after_c(25.0, 6.0, seconds) == pytest.approx(70.0)
    assert COOLING.seconds_to(70.0, 4.0) == math.inf
    assert COOLING.seconds_to(70.0, 6.0, from_c=75.0) == 0.0


def test_it_throttles_at_the_trip_point_recovers_below_it_and_the_latch_stays() -> None:
    heat = Heat(COOLING)
    heat.advance(6.0, COOLING.seconds_to(70.0, 6.0) - 1.0)
    assert (heat.throttled, heat.latched, heat.clock_share) == (False, False, 1.0)
    heat.advance(6.0, 1.1)
    assert (heat.throttled, heat.latched, heat.clock_share) == (True, True, 0.6)
    heat.advance(0.0, 5.0)
    assert 65.0 < heat.temperature_c < 70.0
    assert heat.throttled
    heat.advance(0.0, 60.0)
    assert (heat.throttled, heat.latched, heat.clock_share) == (False, True, 1.0)


@pytest.mark.parametrize("changes", [{"slowed": 0.0}, {"time_constant_s": 0.0}, {"trip_c": 20.0}])
def test_what_cannot_be(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        Cooling(**changes)
