"""Growth from loop to loop."""

import numpy as np
import pytest

from orchestrator.statistics.loops import growth_per_loop, loop_means, outgrows_a_line, stays_above


def test_the_first_loop_and_the_rest_of_the_last_are_left_out() -> None:
    assert loop_means(np.arange(11), 3).tolist() == [4.0, 7.0]


def test_what_repeats_has_no_growth() -> None:
    found = growth_per_loop(np.full(11, 0.3))
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("loops", "said"), [(0, "there are 1"), (4, "a slope needs 6 loops, there are 5")])
def test_few_loops_have_no_slope(loops: int, said: str) -> None:
    found = growth_per_loop(np.ones(loops))
    assert found.value is None
    assert said in (found.reason or "")


def test_what_is_not_finite_has_no_slope() -> None:
    assert growth_per_loop(np.array([1, 2, 3, 4, 5, np.inf])).reason == "the series is not finite"


def test_a_line_and_a_walk_do_not_outgrow_a_line() -> None:
    assert not outgrows_a_line(np.arange(1.0, 12.0))
    assert not outgrows_a_line(1 - 0.7 ** np.arange(11))
    assert outgrows_a_line(1.5 ** np.arange(11))
    assert not outgrows_a_line(np.array([1.0, 1, 1, 1, 1, 1, 1, 50, 1, 1, 1]))


def test_above_for_so_long() -> None:
    series = np.array([0, 5, 0, 5, 5, 5, np.nan, 0])
    assert stays_above(series, 1.0, 1) == 1
    assert stays_above(series, 1.0, 3) == 3
    assert stays_above(series, 1.0, 4) == 3
    assert stays_above(series, 1.0, 5) is None
    assert stays_above(np.zeros(0), 1.0, 5) is None
