"""Sign and unit of a gauge from a load step, or no answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.device_facts import Gauge
from agents.power.load_step import decide

NOISE = (-0.02, 0.01, 0.0, 0.02, -0.01, 0.015)


def series(amperes: float, gauge: Gauge) -> list[float]:
    """Raw readings of a gauge around a discharge of ``amperes``."""
    factor = {"uA": 1e6, "mA": 1e3}[gauge.unit]
    return [gauge.sign * round((amperes + n) * factor) for n in NOISE]


@given(
    st.sampled_from([Gauge(s, u) for s in (1, -1) for u in ("uA", "mA")]),
    st.floats(0.05, 1.0),
    st.floats(0.2, 5.0),
)
def test_a_clear_step_tells_both(gauge: Gauge, idle_a: float, step_a: float) -> None:
    assert decide(series(idle_a, gauge), series(idle_a + step_a, gauge)) == gauge


@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.sampled_from([1, -1]), st.sampled_from(["uA", "mA"]))
def test_it_is_never_wrong_only_silent(idle_a: float, loaded_a: float, sign: int, unit: str) -> None:
    gauge = Gauge(sign, unit)
    try:
        found = decide(series(idle_a, gauge), series(loaded_a, gauge))
    except ValueError:
        return
    # A device at work draws more: where it did not, the step has the other sign and so has the gauge.
    assert found.unit == unit
    assert (found.sign == sign) == (loaded_a > idle_a)


@pytest.mark.parametrize(
    ("idle", "loaded", "message"),
    [
        ([300_000.0] * 5, [301_000.0] * 5, "too little for a busy core"),
        ([300_000.0] * 5, [300_000.0] * 5, "moved the reading by 0"),
        (
            [200_000.0, 400_000.0, 300_000.0, 100_000.0, 500_000.0],
            [400_000.0, 600_000.0, 500_000.0, 300_000.0, 700_000.0],
            "its spread is",
        ),
        ([-500_000.0] * 5, [300_000.0] * 5, "charges the battery"),
        ([-1_500_000.0] * 5, [-700_000.0] * 5, "charges the battery"),
        ([5_000.0] * 5, [30_000.0] * 5, "no current of a battery"),
        ([300_000.0] * 2, [900_000.0] * 5, "needs 5 readings"),
    ],
    ids=["small step", "no step", "noise", "charging", "charger covers the load", "between units", "few"],
)
def test_refusals(idle: list[float], loaded: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decide(idle, loaded)


def test_a_gauge_of_nothing() -> None:
    with pytest.raises(ValueError, match="a gauge is a sign"):
        Gauge(0, "uA")
    with pytest.raises(ValueError, match="a gauge is a sign"):
        Gauge(1, "A")
