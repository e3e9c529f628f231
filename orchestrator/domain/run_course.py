"""What kind of run a timed session was: its warm-up, and how much its chunks resemble each other."""

from dataclasses import dataclass

import numpy as np

from orchestrator.domain.session import MULTI, Session
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.autocorrelation import effective_sample_size, lag1
from orchestrator.statistics.warmup import classify


@dataclass(frozen=True)
class RunCourse:
    """``warm_up``: a class of ``statistics.warmup``; ``left_out`` chunks at its start are in no figure of the run.

    ``lag1`` of the ``chunks`` that are left: from one chunk to the next, of the latency (paced) or of the service time.
    ``independent``: so many independent chunks would tell as much of the mean; 1 .. ``chunks``.
    """

    warm_up: str
    left_out: int
    chunks: int
    lag1: float
    independent: float


def run_course(session: Session, sample_rate_hz: int) -> RunCourse | None:
    """None for a session without times, with times that cannot be, or with those of several streams."""
    if session.kept is not None:
        return session.kept.course
    if session.planned.mode == MULTI or "t_ns" not in session.arrays:
        return None
    try:
        timeline = session.timeline(sample_rate_hz)
    except ValueError:
        return None
    return course_of(timeline)


def course_of(timeline: Timeline) -> RunCourse:
    found = classify(timeline.service_ns)
    steady = timeline.after(found.skip)
    # Chunks that were dropped have no latency that a number could be.
    values = (steady.latency_ns[steady.served] if steady.paced else steady.service_ns).astype(np.float64)
    return RunCourse(found.kind, found.skip, len(steady), lag1(values), effective_sample_size(values))
