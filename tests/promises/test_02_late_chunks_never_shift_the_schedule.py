"""Promise 2: whatever a chunk costs and however late the pacer wakes, a_k = t0 + (k + 1) C."""

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents import wire
from tests.promises.figures import p02
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import MS
from tests.simulator.session import run_session

COSTS = st.lists(st.integers(1, 150 * MS), min_size=1, max_size=60)


def arrivals(costs_ns: Sequence[int], wake_late_ns: Callable[[int], int] | None = None) -> NDArray[np.int64]:
    found: NDArray[np.int64] = run_session(SimulatedDevice(wake_late_ns=wake_late_ns), costs_ns).arrays["t_ns"]
    return found[:, wire.ARRIVAL]


@settings(max_examples=200, deadline=None)
@given(COSTS, st.lists(st.integers(0, 30 * MS), min_size=60, max_size=60))
def test_arrivals_are_those_of_a_session_in_which_nothing_was_late(costs_ns: list[int], late_ns: list[int]) -> None:
    undisturbed = arrivals([1] * len(costs_ns))
    disturbed = arrivals(costs_ns, lambda wait: late_ns[wait])
    assert disturbed.tolist() == undisturbed.tolist()
    assert (np.diff(disturbed) == CHUNK_NS).all()


@settings(deadline=None)
@given(COSTS)
def test_a_backlog_is_worked_off_and_leaves_nothing_behind(costs_ns: list[int]) -> None:
    """Enough idle chunks after it, the next one has the latency that it has alone."""
    rest = sum(costs_ns) // CHUNK_NS + 2
    found = run_session(SimulatedDevice(), [*costs_ns, *[MS] * rest]).timeline(SAMPLE_RATE_HZ)
    assert found.latency_ns[-1] == MS


def test_a_loop_that_waits_for_its_calls_is_shifted_by_every_stall() -> None:
    (row,) = p02.rows()
    assert row.earshot == 0.0
    # 20 stalls of 386 ms beyond their chunk, and 30000 waits that end 1 ms late on average.
    assert 20 * 386 < row.naive < 20 * 400 + 30_000 * 1.1
