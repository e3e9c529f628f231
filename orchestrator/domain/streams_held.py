"""How many concurrent streams a device holds within a miss budget, and what that stands on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, SUSPECT, judge
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.percentiles import percentile
from orchestrator.statistics.stability import backlog_slope, is_unstable

# Told of each number of streams that was tried.
HOLDS, FAILS, DOUBTFUL = "holds", "fails", "doubtful"
VERDICTS = (HOLDS, FAILS, DOUBTFUL)
# An overloaded queue is seen in a single run, so only where it is all but certain.
_STABILITY_CONFIDENCE = 0.999


@dataclass(frozen=True)
class StreamsRun:
    """What one session with ``streams`` streams says. ``grows``: its backlog grew for as long as it ran.

    ``busy_share``: time in the model and around it over audio time, summed over the streams: how many servers they kept
    busy. A percentile is None where too few chunks tell it, or so many were dropped. ``failed``: why the session did,
    twice; it has no chunks then. ``ruled_out``: why it is no evidence. ``suspect``: why it is weak evidence.
    """

    session_id: str
    streams: int
    chunks: int
    misses: int
    grows: bool
    busy_share: float
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    failed: str | None = None
    ruled_out: str | None = None
    suspect: str | None = None

    @property
    def miss_rate(self) -> float:
        return self.misses / self.chunks


@dataclass(frozen=True)
class StreamsTried:
    """One number of streams, with the runs in the order in which they ran. ``why`` in words where it is no interval."""

    streams: int
    verdict: str
    miss_rate: Interval
    runs: tuple[StreamsRun, ...]
    why: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, got {self.verdict!r}")


@dataclass(frozen=True)
class StreamsHeld:
    """``value`` streams are held: between ``low``, shown to hold, and ``high``, the most that is not shown to fail.

    ``high`` None: nothing failed up to ``most``, for the reason ``most_reason``. ``contradictions``: where fewer
    streams failed than held.
    """

    study_id: str
    device: str
    at_utc: str
    model: str
    candidate_key: str
    candidate: str
    artifact_sha256: str
    sharing: str
    seconds: float
    miss_budget: float
    deadline_ms: float
    value: int
    low: int
    high: int | None
    most: int
    most_reason: str
    tried: tuple[StreamsTried, ...]
    contradictions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.low <= self.value <= (self.most if self.high is None else self.high):
            raise ValueError(f"low <= value <= high must hold, got {self.low}, {self.value}, {self.high}")


def streams_in_words(count: int) -> str:
    return "1 stream" if count == 1 else f"{count or 'no'} streams"


def read_run(session: Session, sample_rate_hz: int, deadline_ns: int) -> StreamsRun:
    """Every chunk counts, from the first one on."""
    nothing = StreamsRun(session.session_id, session.planned.streams, 0, 0, False, 0.0, None, None)
    if not session.ok:
        return replace(nothing, failed=str(session.result.reason))
    verdict = judge(session, sample_rate_hz)
    said = "; ".join(verdict.reasons) or None
    try:
        streams = session.timelines(sample_rate_hz)
    except ValueError as exc:
        return replace(nothing, ruled_out=f"its times cannot be: {exc}")
    latency_ns = np.concatenate([stream.latency_ns for stream in streams])
    return StreamsRun(
        session_id=session.session_id,
        streams=session.planned.streams,
        chunks=len(latency_ns),
        misses=int((latency_ns > deadline_ns).sum()),
        grows=_grows(streams),
        busy_share=sum(_busy_share(stream) for stream in streams),
        latency_p50_ms=_percentile_ms(latency_ns, 0.5),
        latency_p99_ms=_percentile_ms(latency_ns, 0.99),
        ruled_out=said if verdict.kind == INVALID else None,
        suspect=said if verdict.kind == SUSPECT else None,
    )


def _grows(streams: Sequence[Timeline]) -> bool:
    """Whether chunks wait ever longer, over all streams in the order in which their chunks were done."""
    done_ns = np.concatenate([stream.done_ns for stream in streams])
    latency_ns = np.concatenate([stream.latency_ns[stream.served] for stream in streams])
    order = np.argsort(done_ns, kind="stable")
    return is_unstable(backlog_slope(done_ns[order] / 1e9, latency_ns[order] / 1e9, _STABILITY_CONFIDENCE))


def _busy_share(stream: Timeline) -> float:
    """Time in features, model and decode over the stream's audio time."""
    return float(sum(times.sum() for times in stream.stage_ns().values()) / (len(stream) * stream.chunk_ns))


def _percentile_ms(latency_ns: NDArray[np.int64], quantile: float) -> float | None:
    found = percentile(latency_ns, quantile).value
    return None if found is None or found >= wire.NEVER_NS else found / 1e6
