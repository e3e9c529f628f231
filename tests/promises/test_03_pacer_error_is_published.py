"""Promise 3: how late the harness itself was stands beside each latency; a session beyond the budget is invalid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.session_verdict import INVALID, VALID, judge
from orchestrator.workflows.figures import session_figures
from tests.promises.paced import CHUNK_NS, run_paced, timeline_of
from tests.sessions import SAMPLE_RATE_HZ, candidate, session

MS = 1_000_000


@given(st.lists(st.integers(0, 9 * MS), min_size=1, max_size=50))
def test_each_late_wake_up_is_in_the_lateness_of_its_chunk(late_ns: list[int]) -> None:
    found = timeline_of(run_paced([5 * MS] * len(late_ns), lambda wait: late_ns[wait]))
    assert found.lateness_ns.tolist() == late_ns
    # It is part of the latency: a listener waits for it too.
    assert found.latency_ns.tolist() == [5 * MS + late for late in late_ns]


def test_it_is_shown_beside_the_latency() -> None:
    late = np.random.default_rng(0).integers(0, MS, 800)
    of = session(candidate(), t_ns=run_paced([5 * MS] * 800, lambda wait: int(late[wait])))
    shown = {figure.name: figure.value for figure in session_figures(of, SAMPLE_RATE_HZ)}
    assert shown["pacer lateness, p50"] == pytest.approx(np.median(late) / MS, rel=0.05)
    assert shown["pacer lateness, p99"] == pytest.approx(np.quantile(late, 0.99) / MS, rel=0.05)


@pytest.mark.parametrize(("share", "kind"), [(0.0, VALID), (0.099, VALID), (0.101, INVALID), (0.4, INVALID)])
def test_beyond_a_tenth_of_a_chunk_the_session_is_invalid(share: float, kind: str) -> None:
    times = run_paced([5 * MS] * 200, lambda wait: round(share * CHUNK_NS))
    verdict = judge(session(candidate(), t_ns=times), SAMPLE_RATE_HZ)
    assert verdict.kind == kind
    assert [doubt.cause for doubt in verdict.doubts] == ([] if kind == VALID else ["pacer"])
