"""What a session with several streams says, from its raw times."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from agents import wire
from orchestrator.domain.session import MULTI, Session
from orchestrator.domain.session_verdict import INVALID, judge
from orchestrator.domain.streams_held import DOUBTFUL, StreamsHeld, StreamsTried, read_run
from orchestrator.statistics.interval import not_estimable
from tests import sessions

DEADLINE_NS = sessions.CHUNK_NS
RATE_HZ = sessions.SAMPLE_RATE_HZ


def of_streams(rows: list[NDArray[np.int64]], **facts: object) -> Session:
    """A session of mode multi whose streams have these times."""
    plain = sessions.session(sessions.candidate(), "paced", chunks=len(rows[0]), **facts)  # type: ignore[arg-type]
    planned = replace(plain.planned, mode=MULTI, streams=len(rows))
    stream = np.repeat(np.arange(len(rows), dtype=np.int32), len(rows[0]))
    return replace(plain, planned=planned, arrays={"t_ns": np.concatenate(rows), "stream": stream})


def served(service_ms: list[float]) -> NDArray[np.int64]:
    """Times of a stream that has a server for itself."""
    return sessions.paced_times((np.array(service_ms) * 1e6).astype(np.int64), lateness_ns=0)


def test_misses_and_load_are_those_of_all_streams() -> None:
    steady, late = served([5.0] * 100), served([5.0] * 98 + [30.0, 5.0])
    run = read_run(of_streams([steady, late, steady]), RATE_HZ, DEADLINE_NS)
    assert (run.streams, run.chunks, run.misses, run.grows) == (3, 300, 1, False)
    assert run.miss_rate == pytest.approx(1 / 300)
    assert run.busy_share == pytest.approx(3 * 5.0 / 20.0 + 25.0 / 2000.0)
    assert run.latency_p50_ms == pytest.approx(5.0)
    assert run.latency_p99_ms is None, "300 chunks tell no p99"
    assert read_run(of_streams([late]), RATE_HZ, 40_000_000).misses == 0


def test_a_backlog_that_grows_is_seen_in_one_run() -> None:
    # 5 % more than there is time for.
    overloaded = of_streams([served([21.0] * 250), served([21.0] * 250)])
    assert read_run(overloaded, RATE_HZ, DEADLINE_NS).grows
    stalled = [5.0] * 250
    stalled[100] = 900.0
    assert not read_run(of_streams([served(stalled), served([5.0] * 250)]), RATE_HZ, DEADLINE_NS).grows


def test_a_dropped_chunk_is_a_miss_without_a_percentile() -> None:
    rows = served([5.0] * 50)
    rows[10:40, wire.ARRIVAL + 1 :] = wire.NEVER_NS
    run = read_run(of_streams([rows]), RATE_HZ, DEADLINE_NS)
    assert (run.misses, run.latency_p50_ms) == (30, None)


def test_each_stream_keeps_its_own_times() -> None:
    session = of_streams([served([5.0] * 40), served([9.0] * 40)])
    medians = [float(np.median(t.latency_ns)) / 1e6 for t in session.timelines(RATE_HZ)]
    assert medians == [5.0, 9.0]
    with pytest.raises(ValueError, match="has 2 streams, each with times of its own"):
        session.timeline(RATE_HZ)
    assert session.session_id.startswith("study-1-multi2-0-0-")
    plain = sessions.session(sessions.candidate(), chunks=40)
    assert len(plain.timelines(RATE_HZ)) == 1


def test_a_session_that_failed_or_is_invalid_is_no_evidence() -> None:
    failed = of_streams([served([5.0] * 40)], failure="out of memory")
    assert read_run(failed, RATE_HZ, DEADLINE_NS).failed == "out of memory"
    throttled = of_streams([served([5.0] * 40)], throttled_after=True)
    assert "throttled after it" in str(read_run(throttled, RATE_HZ, DEADLINE_NS).ruled_out)
    short = read_run(of_streams([served([5.0] * 8)]), RATE_HZ, DEADLINE_NS)
    assert (short.ruled_out, short.suspect) == (None, "8 chunks cannot tell whether it keeps up, 32 can")


def test_a_schedule_that_was_moved_makes_it_invalid() -> None:
    moved = served([5.0] * 40)
    moved[20:] += 1_000_000
    verdict = judge(of_streams([served([5.0] * 40), moved]), RATE_HZ)
    assert verdict.kind == INVALID
    assert "not one chunk apart" in verdict.reasons[0]
    backwards = served([5.0] * 40)
    backwards[5, wire.DONE] = 0
    run = read_run(of_streams([backwards]), RATE_HZ, DEADLINE_NS)
    assert "its times cannot be" in str(run.ruled_out)


def test_bounds_that_cross_are_refused() -> None:
    tried = (StreamsTried(1, DOUBTFUL, not_estimable("no run", 0), ()),)
    held = StreamsHeld("s", "d", "now", "m", "k", "c", "a", "processes", 5.0, 0.01, 20.0, 3, 2, 4, 8, "", tried)
    assert held.high == 4
    for wrong in ({"value": 1}, {"value": 5}, {"high": 2}, {"high": None, "value": 9}):
        with pytest.raises(ValueError, match="low <= value <= high must hold"):
            replace(held, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="verdict must be one of"):
        StreamsTried(1, "good", not_estimable("no run", 0), ())
