"""Counters only rise: what else they do makes them silent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.measure.meters.counter import EnergyCounter


@given(st.lists(st.floats(0, 100), max_size=20), st.floats(0, 1e9))
def test_the_sum_of_the_steps(steps: list[float], start: float) -> None:
    counter, value = EnergyCounter(100.0, 1.0), start
    assert counter.advance(start) == 0.0
    for step in steps:
        value += step
        assert counter.advance(value) == pytest.approx(value - start)


@pytest.mark.parametrize("value", [999.0, 0.0, 1000.0 + 100.0 * 61 + 2], ids=["falls", "reset", "faster than it can"])
def test_once_wrong_for_ever_silent(value: float) -> None:
    clock = iter([0.0, 1.0, 2.0])
    counter = EnergyCounter(100.0, 1.0, lambda: next(clock))
    counter.advance(1000.0)
    for now in (value, 1001.0):
        with pytest.raises(ValueError, match="was reset"):
            counter.advance(now)
