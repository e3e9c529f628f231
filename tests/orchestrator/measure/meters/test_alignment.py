"""Two clocks, known between bounds that are honest."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import CommandFailed
from orchestrator.measure.meters.alignment import Bounds, align, clock_bounds, more_bounds
from orchestrator.measure.transports.local import LocalTransport


class Elsewhere(LocalTransport):
    """This machine, asked as if it were another one."""

    @property
    def kind(self) -> str:
        return "ssh"


def test_the_same_clock_is_found_to_be_the_same() -> None:
    # Isolated Python here, as on a device: both clocks are CLOCK_MONOTONIC of one kernel, the offset is 0.
    with Elsewhere("here") as transport:
        offset = align(clock_bounds(transport, sys.executable))
    assert abs(offset.offset_ns) <= offset.uncertainty_ns
    assert 0 < offset.uncertainty_ns < 5_000_000_000


def test_this_machine_needs_no_question() -> None:
    with LocalTransport("local") as transport:
        assert align(clock_bounds(transport, "/nowhere/python")).uncertainty_ns == 0


@given(
    st.integers(-(10**15), 10**15),
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=10),
)
def test_the_truth_lies_within_the_uncertainty(offset_ns: int, delays: list[tuple[int, int]]) -> None:
    found = align([Bounds(offset_ns - there, offset_ns + back) for there, back in delays])
    assert abs(found.offset_ns - offset_ns) <= found.uncertainty_ns
    assert found.uncertainty_ns <= min(there + back for there, back in delays)


def test_clocks_that_drifted_apart_are_spanned() -> None:
    found = align([Bounds(0, 10), Bounds(100, 110)])
    assert (found.offset_ns, found.uncertainty_ns) == (55, 55)
    with pytest.raises(ValueError, match="at least one answer"):
        align([])


def test_a_device_that_says_something_else() -> None:
    with Elsewhere("here") as transport:
        with pytest.raises(CommandFailed, match="must be one number"):
            clock_bounds(transport, "echo")
        assert more_bounds(transport, "false") == ()


def test_the_agents_clock_is_the_one_that_is_asked() -> None:
    before_ns = time.monotonic_ns()
    with Elsewhere("here") as transport:
        (bounds,) = clock_bounds(transport, sys.executable, 1)
    assert bounds.low_ns < 0 < bounds.high_ns
    assert bounds.high_ns - bounds.low_ns <= time.monotonic_ns() - before_ns
