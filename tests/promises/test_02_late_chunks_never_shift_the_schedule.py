"""Promise 2: whatever a chunk costs and however late the pacer wakes, a_k = t0 + (k + 1) C."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agents import wire
from tests.promises.paced import CHUNK_NS, STAGES_NS, run_paced, timeline_of

COSTS = st.lists(st.integers(STAGES_NS, 150_000_000), min_size=1, max_size=60)


@settings(max_examples=200)
@given(COSTS, st.lists(st.integers(0, 30_000_000), min_size=60, max_size=60))
def test_arrivals_are_those_of_a_session_in_which_nothing_was_late(service_ns: list[int], late_ns: list[int]) -> None:
    undisturbed = run_paced([STAGES_NS] * len(service_ns))
    disturbed = run_paced(service_ns, lambda wait: late_ns[wait])
    assert disturbed[:, wire.ARRIVAL].tolist() == undisturbed[:, wire.ARRIVAL].tolist()
    assert all(b - a == CHUNK_NS for a, b in zip(*(disturbed[i:, wire.ARRIVAL].tolist() for i in (0, 1)), strict=False))


@given(COSTS)
def test_a_backlog_is_worked_off_and_leaves_nothing_behind(service_ns: list[int]) -> None:
    """Enough idle chunks after it, the next one has the latency that it has alone."""
    rest = sum(service_ns) // CHUNK_NS + 2
    found = timeline_of(run_paced([*service_ns, *[1_000_000] * rest])).latency_ns
    assert found[-1] == 1_000_000
