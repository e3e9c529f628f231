"""A gap is where nothing was read, and nothing else is one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.statistics.gaps import gaps, known_steps, parts
from tests.orchestrator.statistics.waveforms import jittered_ns

S = 1_000_000_000


@given(st.integers(0, 2**31))
def test_jitter_is_no_gap(seed: int) -> None:
    t_ns = jittered_ns(10.0, 20.0, seed)
    assert gaps(t_ns, np.ones(len(t_ns)), int(t_ns[0]), int(t_ns[-1])) == []
    assert set(parts(t_ns, np.ones(len(t_ns)))) == {0}


@given(st.integers(0, 2**31), st.integers(20, 100), st.integers(20, 80))
def test_a_sensor_that_vanishes_leaves_one_gap_of_that_length(seed: int, first: int, count: int) -> None:
    t_ns = jittered_ns(10.0, 20.0, seed)
    values = np.ones(len(t_ns))
    last = min(first + count, len(t_ns) - 2)
    values[first : last + 1] = math.nan
    assert gaps(t_ns, values, 0, 20 * S) == [(t_ns[first - 1], t_ns[last + 1])]
    there = np.r_[0:first, last + 1 : len(t_ns)]
    assert gaps(t_ns[there], values[there], 0, 20 * S) == gaps(t_ns, values, 0, 20 * S)
    assert list(np.unique(parts(t_ns[there], values[there]))) == [0, 1]
    assert (parts(t_ns, values)[first : last + 1] == -1).all()


def test_a_sensor_that_never_comes_back() -> None:
    t_ns = np.arange(50) * S // 10
    assert gaps(t_ns, np.ones(50), 0, 10 * S) == [(49 * S // 10, 10 * S)]
    assert gaps(t_ns, np.ones(50), 0, 51 * S // 10) == []


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_readings_are_one_gap(count: int) -> None:
    t_ns, values = np.arange(count), np.ones(count)
    assert gaps(t_ns, values, 0, S) == [(0, S)]
    assert len(known_steps(t_ns, values)) == 0
    assert list(parts(t_ns, values)) == [0] * count


def test_times_that_run_backwards_are_refused() -> None:
    with pytest.raises(ValueError, match="must not run backwards"):
        gaps(np.array([1, 3, 2]), np.ones(3), 0, 4)
