"""Promise 3: how late the harness itself was stands beside each latency; a session beyond the budget is invalid."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, VALID, judge
from orchestrator.workflows.figures import session_figures
from tests.promises.figures import p03
from tests.sessions import CHUNK_NS, SAMPLE_RATE_HZ
from tests.simulator.device import SimulatedDevice
from tests.simulator.service import MS
from tests.simulator.session import run_session


def woken_late(chunks: int, late_ns: Callable[[int], int]) -> Session:
    """5 ms of service a chunk; the k-th wait ends so late."""
    return run_session(SimulatedDevice(wake_late_ns=late_ns), [5 * MS] * chunks)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9 * MS), min_size=1, max_size=50))
def test_each_late_wake_up_is_in_the_lateness_of_its_chunk(late_ns: list[int]) -> None:
    found = woken_late(len(late_ns), lambda wait: late_ns[wait]).timeline(SAMPLE_RATE_HZ)
    assert found.lateness_ns.tolist() == late_ns
    # It is part of the latency: a listener waits for it too.
    assert found.latency_ns.tolist() == [5 * MS + late for late in late_ns]


def test_it_is_shown_beside_the_latency() -> None:
    late = np.random.default_rng(0).integers(0, MS, 800)
    of = woken_late(800, lambda wait: int(late[wait]))
    shown = {figure.name: figure.value for figure in session_figures(of, SAMPLE_RATE_HZ)}
    assert shown["pacer lateness, p50"] == pytest.approx(np.median(late) / MS, rel=0.05)
    assert shown["pacer lateness, p99"] == pytest.approx(np.quantile(late, 0.99) / MS, rel=0.05)


@pytest.mark.parametrize(("share", "kind"), [(0.0, VALID), (0.099, VALID), (0.101, INVALID), (0.4, INVALID)])
def test_beyond_a_tenth_of_a_chunk_the_session_is_invalid(share: float, kind: str) -> None:
    verdict = judge(woken_late(200, lambda wait: round(share * CHUNK_NS)), SAMPLE_RATE_HZ)
    assert verdict.kind == kind
    assert [doubt.cause for doubt in verdict.doubts] == ([] if kind == VALID else ["pacer"])


def test_waits_of_any_spread_are_judged_by_their_median() -> None:
    (row,) = p03.rows(trials=60)
    assert (row.earshot, row.naive) == (100.0, 50.0)
