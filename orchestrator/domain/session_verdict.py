"""Can a session's figures be believed? Valid, suspect or invalid, with every reason. A pure function of the session."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Timeline

VALID, SUSPECT, INVALID = "valid", "suspect", "invalid"
KINDS = (VALID, SUSPECT, INVALID)
TIMED = ("paced", "flat-out")
# Thirds of a session's clock readings are compared only where each has so many.
_CLOCK_READINGS = 10
_CLOCK_SERIES = "sample_frequency_hz__"


@dataclass(frozen=True)
class SessionLimits:
    """Beyond these a session is not valid.

    ``pacer_share``: chunks issued later than this share of a chunk, in the median, measured the harness.

    ``background_share``: with more than half of all cores busy with something else, a session on a device of two cores
    has none for itself, and on a larger one the caches and the memory bus are shared.

    ``clock_drop_share``: a core clock whose median falls by more than this from the first to the last third of a
    session was taken back while it ran. Governors that follow the load move it by less between two thirds.

    ``least_chunks``: fewer chunks in a paced session cannot tell whether its backlog grows (statistics/stability.py).
    """

    pacer_share: float = 0.1
    background_share: float = 0.5
    clock_drop_share: float = 0.1
    least_chunks: int = 32


DEFAULT_LIMITS = SessionLimits()


@dataclass(frozen=True)
class Doubt:
    """``kind``: suspect (it may have been chance: run it again) or invalid. ``cause``: one word for tables."""

    kind: str
    cause: str
    reason: str


@dataclass(frozen=True)
class SessionVerdict:
    """``doubts`` are empty where the session is valid, the grave ones first."""

    doubts: tuple[Doubt, ...] = ()

    @property
    def kind(self) -> str:
        return max((doubt.kind for doubt in self.doubts), key=KINDS.index, default=VALID)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(doubt.reason for doubt in self.doubts)

    @property
    def again(self) -> bool:
        """Another try may be better: it is suspect, and not because of what was planned."""
        return self.kind == SUSPECT and any(doubt.cause != "too-short" for doubt in self.doubts)

    def __str__(self) -> str:
        return "; ".join((self.kind, *self.reasons)) if self.doubts else self.kind


def judge(session: Session, sample_rate_hz: int | None, limits: SessionLimits = DEFAULT_LIMITS) -> SessionVerdict:
    """The verdict on one session in any mode. What a device cannot say counts neither for nor against it.

    ``sample_rate_hz`` None, where the artifact is gone: its times are not looked at.

    A step of the time of day does not count: no figure depends on it (``RunResult.clock_step_s`` tells it).
    """
    if not session.ok:
        return SessionVerdict((Doubt(INVALID, "failed", f"it failed: {session.result.reason}"),))
    doubts = [*_fallen_back(session), *_throttled(session)]
    if session.planned.mode in TIMED:
        if sample_rate_hz is not None:
            doubts += _times(session, sample_rate_hz, limits)
        doubts += _surroundings(session, limits)
    return SessionVerdict(tuple(sorted(doubts, key=lambda d: -KINDS.index(d.kind))))


def _fallen_back(session: Session) -> Iterator[Doubt]:
    wanted, registered = session.planned.candidate.provider, session.result.providers_registered
    if registered and wanted not in registered:
        yield Doubt(INVALID, "fallback", f"{wanted} was asked for, the session registered {', '.join(registered)}")


def _throttled(session: Session) -> Iterator[Doubt]:
    """Latched flags: one that was set before the session counts."""
    for when, state in (("before", session.result.before), ("after", session.result.after)):
        if state is not None and state.throttled:
            yield Doubt(INVALID, "throttled", f"throttled {when} it ({state.throttled_source})")
            return


def _times(session: Session, sample_rate_hz: int, limits: SessionLimits) -> Iterator[Doubt]:
    try:
        timeline = session.timeline(sample_rate_hz)
    except ValueError as exc:
        yield Doubt(INVALID, "clock", f"its times cannot be: {exc}")
        return
    if not timeline.paced:
        return
    late = float(np.median(timeline.lateness_ns)) / timeline.chunk_ns
    if late > limits.pacer_share:
        reason = f"chunks were issued {100 * late:.0f} % of a chunk late in the median: it measured the pacer"
        yield Doubt(INVALID, "pacer", reason)
    if not session.result.traced:
        yield from _schedule(timeline)
    if len(timeline) < limits.least_chunks:
        reason = f"{len(timeline)} chunks cannot tell whether it keeps up, {limits.least_chunks} can"
        yield Doubt(SUSPECT, "too-short", reason)


def _schedule(timeline: Timeline) -> Iterator[Doubt]:
    """Arrivals one chunk apart, to the ns that rounding leaves."""
    steps = np.diff(timeline.arrival_ns)
    if len(steps) and int(np.abs(steps - timeline.chunk_ns).max()) > 1:
        yield Doubt(INVALID, "clock", "its arrivals are not one chunk apart: the schedule or its clock was moved")


def _surroundings(session: Session, limits: SessionLimits) -> Iterator[Doubt]:
    before, after = session.result.before, session.result.after
    share = after.background_cpu_share if after else None
    if share is not None and share > limits.background_share:
        yield Doubt(SUSPECT, "background", f"something else used {100 * share:.0f} % of all cores during it")
    if before and after and before.governor != after.governor and None not in (before.governor, after.governor):
        yield Doubt(SUSPECT, "frequency", f"the governor changed from {before.governor} to {after.governor}")
    for name, values in sorted(session.arrays.items()):
        if name.startswith(_CLOCK_SERIES):
            drop = _clock_drop(np.asarray(values, dtype=np.float64))
            if drop > limits.clock_drop_share:
                sensor = name.removeprefix(_CLOCK_SERIES)
                yield Doubt(SUSPECT, "frequency", f"the clock {sensor} fell by {100 * drop:.0f} % while it ran")


def _clock_drop(frequency_hz: np.ndarray) -> float:
    """How far the median of the last third lies below that of the first, as a share of it; 0 where too few tell."""
    known = frequency_hz[np.isfinite(frequency_hz)]
    third = len(known) // 3
    if third < _CLOCK_READINGS:
        return 0.0
    first = float(np.median(known[:third]))
    return 1.0 - float(np.median(known[-third:])) / first if first > 0 else 0.0
