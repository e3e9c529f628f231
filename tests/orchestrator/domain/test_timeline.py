"""What raw times say, against arrays worked out by hand and against the definitions over random sessions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents import wire
from orchestrator.domain.timeline import Timeline

CHUNK_NS = 100
DURATIONS = st.lists(st.integers(0, 350), min_size=1, max_size=40)


def rows(*of: tuple[int, int, int, int, int]) -> NDArray[np.int64]:
    return np.array(of, dtype=np.int64)


# Chunk 1 stalls until 430, so that chunks 2 and 3 (arrived at 300 and 400) wait; chunk 4 finds the device idle again.
PACED = rows(
    (100, 102, 110, 140, 150),
    (200, 200, 220, 420, 430),
    (300, 433, 440, 465, 470),
    (400, 470, 475, 495, 500),
    (500, 505, 510, 530, 540),
)
# The harness checked the outputs from 60 to 75: chunk 1 could be served from 75 on.
FLAT_OUT = rows((10, 11, 20, 50, 60), (75, 77, 80, 110, 120), (120, 121, 125, 155, 160))


def paced_session(service_ns: list[int], late_ns: list[int]) -> NDArray[np.int64]:
    """Each chunk issued ``late_ns`` after service could start, and done ``service_ns`` later."""
    table, free = [], 0
    for k, (service, late) in enumerate(zip(service_ns, late_ns, strict=True)):
        arrival = (k + 1) * CHUNK_NS
        issue = max(arrival, free) + late
        free = issue + service
        table.append((arrival, issue, issue, free, free))
    return rows(*table)


def test_paced_times_by_hand() -> None:
    timeline = Timeline(PACED, CHUNK_NS, paced=True)
    assert timeline.latency_ns.tolist() == [50, 230, 170, 100, 40]
    assert timeline.start_ns.tolist() == [100, 200, 430, 470, 500]
    assert timeline.service_ns.tolist() == [50, 230, 40, 30, 40]
    assert timeline.lateness_ns.tolist() == [2, 0, 3, 0, 5]
    assert timeline.rtf == pytest.approx(390 / 500)
    assert len(timeline) == 5


def test_stages_add_up_to_the_time_from_the_issue_on() -> None:
    stages = Timeline(PACED, CHUNK_NS, paced=True).stage_ns()
    assert {name: values.tolist() for name, values in stages.items()} == {
        "features": [8, 20, 7, 5, 5],
        "model": [30, 200, 25, 20, 20],
        "decode": [10, 10, 5, 5, 10],
    }


@pytest.mark.parametrize(
    ("deadline_ns", "share"), [(39, 1.0), (40, 0.8), (50, 0.6), (100, 0.4), (170, 0.2), (229, 0.2), (230, 0.0)]
)
def test_a_deadline_is_missed_only_beyond_it(deadline_ns: int, share: float) -> None:
    assert Timeline(PACED, CHUNK_NS, paced=True, deadline_ns=deadline_ns).miss_rate == pytest.approx(share)


def test_the_deadline_is_a_chunk_unless_given_and_outlives_the_warm_up() -> None:
    plain = Timeline(PACED, CHUNK_NS, paced=True)
    assert plain.miss_rate == pytest.approx(float((plain.latency_ns > CHUNK_NS).mean()))
    assert Timeline(PACED, CHUNK_NS, paced=True, deadline_ns=7).after(2).deadline_ns == 7


def test_backlog_counts_the_chunk_in_service_and_those_that_wait() -> None:
    # At 430, when chunk 1 is done, chunks 2 and 3 have arrived; at 500, chunk 4 has.
    assert Timeline(PACED, CHUNK_NS, paced=True).backlog_chunks().tolist() == [1, 3, 2, 2, 1]


def test_flat_out_serves_from_where_the_harness_let_go() -> None:
    timeline = Timeline(FLAT_OUT, CHUNK_NS, paced=False)
    assert timeline.start_ns.tolist() == [10, 75, 120]
    assert timeline.service_ns.tolist() == [50, 45, 40]
    assert timeline.lateness_ns.tolist() == [1, 2, 1]
    assert timeline.rtf == pytest.approx(135 / 300)
    with pytest.raises(ValueError, match="a flat-out session has no latency"):
        _ = timeline.latency_ns


def test_flat_out_after_some_chunks_is_the_rest_of_the_same() -> None:
    rest = Timeline(FLAT_OUT, CHUNK_NS, paced=False).after(1)
    assert rest.service_ns.tolist() == [45, 40]


def test_after_zero_chunks_is_the_session_itself() -> None:
    timeline = Timeline(PACED, CHUNK_NS, paced=True)
    assert timeline.after(0) is timeline


@pytest.mark.parametrize(
    ("t_ns", "chunk_ns", "message"),
    [
        (np.zeros((0, 5), np.int64), CHUNK_NS, r"shape \(n, 5\) with n > 0, got \(0, 5\)"),
        (np.zeros((3, 4), np.int64), CHUNK_NS, r"got \(3, 4\)"),
        (np.zeros(5, np.int64), CHUNK_NS, r"got \(5,\)"),
        (PACED, 0, "chunk_ns must be > 0, got 0"),
        (rows((0, 5, 4, 6, 7)), CHUNK_NS, "run backwards"),
        (rows((0, 1, 2, 3, 9), (0, 1, 2, 3, 8)), CHUNK_NS, "run backwards"),
        (rows((0, 1, 2, 3, 4), (8, 7, 9, 9, 9)), CHUNK_NS, "before it arrives, got that at row 1"),
    ],
)
def test_times_that_cannot_be_are_refused(t_ns: NDArray[np.int64], chunk_ns: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Timeline(t_ns, chunk_ns, paced=True)


@given(DURATIONS, st.data())
def test_late_chunks_never_shift_arrivals(service_ns: list[int], data: st.DataObject) -> None:
    """Latency counts from the schedule: it is what the chunk cost, and what was left of those before it."""
    late_ns = data.draw(st.lists(st.integers(0, 50), min_size=len(service_ns), max_size=len(service_ns)))
    timeline = Timeline(paced_session(service_ns, late_ns), CHUNK_NS, paced=True)
    assert timeline.arrival_ns.tolist() == [(k + 1) * CHUNK_NS for k in range(len(service_ns))]
    assert timeline.lateness_ns.tolist() == late_ns
    assert timeline.service_ns.tolist() == [s + e for s, e in zip(service_ns, late_ns, strict=True)]
    waited_ns = 0
    for latency, cost in zip(timeline.latency_ns.tolist(), timeline.service_ns.tolist(), strict=True):
        assert latency == waited_ns + cost
        waited_ns = max(0, latency - CHUNK_NS)


@given(DURATIONS)
def test_backlog_is_arrivals_less_completions(service_ns: list[int]) -> None:
    timeline = Timeline(paced_session(service_ns, [0] * len(service_ns)), CHUNK_NS, paced=True)
    done, arrivals = timeline.done_ns.tolist(), timeline.arrival_ns.tolist()
    expected = [sum(a <= d for a in arrivals) - k for k, d in enumerate(done)]
    assert timeline.backlog_chunks().tolist() == expected


@given(DURATIONS, st.booleans(), st.data())
def test_cutting_warm_up_off_changes_no_figure_of_the_rest(
    service_ns: list[int], is_paced: bool, data: st.DataObject
) -> None:
    t_ns = paced_session(service_ns, [0] * len(service_ns))
    if not is_paced:
        t_ns[:, wire.ARRIVAL] = t_ns[:, wire.ISSUE]
    whole = Timeline(t_ns, CHUNK_NS, is_paced)
    first, second = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, len(whole) - 1))
    skip = min(first + second, len(whole) - 1)
    rest = whole.after(min(first, skip)).after(skip - min(first, skip))
    assert rest.service_ns.tolist() == whole.service_ns[skip:].tolist()
    assert rest.start_ns.tolist() == whole.start_ns[skip:].tolist()
    assert rest.done_ns.tolist() == whole.done_ns[skip:].tolist()


# Chunk 1 stalls until 430; the ring lost chunk 2 meanwhile.
DROPPED = rows(
    (100, 100, 110, 140, 150),
    (200, 200, 220, 420, 430),
    (300, *[wire.NEVER_NS] * 4),
    (400, 430, 440, 465, 470),
    (500, 500, 510, 530, 540),
)


def test_a_dropped_chunk_is_a_miss_and_the_slowest_and_was_not_served() -> None:
    timeline = Timeline(DROPPED, CHUNK_NS, paced=True)
    assert len(timeline) == 5
    assert timeline.latency_ns.tolist() == [50, 230, wire.NEVER_NS, 70, 40]
    assert timeline.miss_rate == pytest.approx(2 / 5)
    assert replace(timeline, deadline_ns=wire.NEVER_NS - 1).miss_rate == pytest.approx(1 / 5)
    assert timeline.service_ns.tolist() == [50, 230, 40, 40]
    assert timeline.lateness_ns.tolist() == [0, 0, 0, 0]
    assert timeline.rtf == pytest.approx(360 / 400)
    assert timeline.stage_ns()["model"].tolist() == [30, 200, 25, 20]
    assert timeline.backlog_chunks().tolist() == [1, 2, 1, 1]
    assert timeline.after(2).latency_ns.tolist() == [70, 40]
    assert timeline.after(1).latency_ns.tolist() == [230, wire.NEVER_NS, 70, 40]


def test_a_session_of_dropped_chunks_alone_cannot_be() -> None:
    with pytest.raises(ValueError, match="serves one chunk at least"):
        Timeline(DROPPED[2:3], CHUNK_NS, paced=True)
