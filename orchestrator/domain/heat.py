"""Who is fastest while the device is cold, and who once it is hot: the same candidates in sustained sessions.

A candidate that wins for five seconds may lose after ten minutes: what computes faster may also heat faster.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import Session
from orchestrator.domain.session_verdict import INVALID, judge
from orchestrator.domain.sustained import Sustained, sustained
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import ratio_unpaired

# A session has a first and a last part from so many minutes on.
LEAST_S = 180.0
_NS_PER_MS = 1e6
_CONFIDENCE = 0.95
_ENOUGH_RUNS = 2


@dataclass(frozen=True)
class Course:
    """One candidate: medians of the cold and of the hot minutes' median latencies, the mean over its ``runs``.

    Hot is what comes after the knee, where a session has one, else its last third; cold is what comes before that, the
    first third at most. ``ratio``, ``knee_s``, ``throttled_s`` and ``clock_read`` of its first session (``Sustained``).
    ``minutes``: of each session the median latency of each minute, in ms.
    """

    candidate: Candidate
    runs: int
    cold_ms: float
    hot_ms: float
    ratio: float | None
    knee_s: float | None
    throttled_s: float | None
    clock_read: bool
    minutes: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Phase:
    """``fastest``: key of the candidate with the lowest latency. ``wins``: every other one is slower beyond the noise.
    ``next_best``: the one nearest to it, and ``ratio``: how much slower that is.
    """

    name: str
    fastest: str
    wins: bool
    next_best: str
    ratio: Interval


@dataclass(frozen=True)
class Heat:
    """``basis``: what the intervals stand on, over runs or, where a candidate has one, over the minutes within it."""

    courses: tuple[Course, ...]
    cold: Phase
    hot: Phase
    basis: str
    sentence: str


@dataclass(frozen=True)
class _Parts:
    """Latencies of the cold and of the hot minutes of each session, in ms."""

    cold: list[list[float]]
    hot: list[list[float]]

    def values(self, name: str, over_runs: bool) -> list[float]:
        sessions = self.cold if name == "cold" else self.hot
        return [float(np.median(own)) for own in sessions] if over_runs else [each for own in sessions for each in own]


def heat(sessions: Sequence[Session], sample_rate_hz: int) -> Heat | str:
    """Of paced sessions of ``LEAST_S`` or more on one device, measured alike; or why it cannot be said.

    Invalid ones do not count, but for those that were invalid because the device throttled: that is what heat does.
    """
    found = courses_by_candidate(sessions, sample_rate_hz)
    if len(found) < 2:
        return f"it takes two candidates that ran for {LEAST_S / 60:g} minutes or more, there are {len(found)}"
    parts = {key: _Parts([_cold(t) for _, t in own], [_hot(t) for _, t in own]) for key, own in found.items()}
    over_runs = all(len(own) >= _ENOUGH_RUNS for own in found.values())
    courses = tuple(_course(own, parts[key]) for key, own in found.items())
    cold, hot = (_phase(name, parts, over_runs) for name in ("cold", "hot"))
    basis = "independent runs" if over_runs else "minutes within single runs, which tell nothing of the next run"
    return Heat(courses, cold, hot, basis, _sentence(courses, cold, hot))


def courses_by_candidate(
    sessions: Sequence[Session], sample_rate_hz: int
) -> dict[str, list[tuple[Session, Sustained]]]:
    """Key of a candidate -> its long sessions that count, as ``heat`` says which, and what became of each."""
    found: dict[str, list[tuple[Session, Sustained]]] = {}
    for session in sessions:
        causes = {doubt.cause for doubt in judge(session, sample_rate_hz).doubts if doubt.kind == INVALID}
        if causes <= {"throttled"}:
            told = sustained(session, sample_rate_hz)
            if len(told.minutes) >= LEAST_S / 60:
                found.setdefault(session.planned.candidate.key, []).append((session, told))
    return found


def _minutes(told: Sustained) -> list[float]:
    """Median latencies in ms; without a last minute that is too short for one."""
    return [minute.p50.value / _NS_PER_MS for minute in told.minutes if minute.p50.value is not None]


def _cold(told: Sustained) -> list[float]:
    """Of the first third, without what is hot already; the first minute at least."""
    minutes = _minutes(told)
    return minutes[: max(1, min(len(minutes) // 3, _hot_from(told)))]


def _hot(told: Sustained) -> list[float]:
    return _minutes(told)[_hot_from(told) :]


def _hot_from(told: Sustained) -> int:
    """The first whole minute after the knee; the last minute is never cold."""
    count = len(_minutes(told))
    return min(count - 1, 2 * count // 3 if told.knee_s is None else math.ceil(told.knee_s / 60.0))


def _course(own: Sequence[tuple[Session, Sustained]], parts: _Parts) -> Course:
    session, first = own[0]
    return Course(
        candidate=session.planned.candidate,
        runs=len(own),
        cold_ms=float(np.mean(parts.values("cold", over_runs=True))),
        hot_ms=float(np.mean(parts.values("hot", over_runs=True))),
        ratio=first.ratio,
        knee_s=first.knee_s,
        throttled_s=first.throttled_s,
        clock_read=first.clock_read,
        minutes=tuple(tuple(_minutes(told)) for _, told in own),
    )


def _phase(name: str, parts: Mapping[str, _Parts], over_runs: bool) -> Phase:
    values = {key: own.values(name, over_runs) for key, own in parts.items()}
    fastest, *others = sorted(values, key=lambda key: float(np.mean(np.log(values[key]))))
    # All of them hold together (Bonferroni).
    confidence = 1.0 - (1.0 - _CONFIDENCE) / len(others)
    ratios = {key: ratio_unpaired(values[key], values[fastest], confidence) for key in others}
    wins = all(ratio.low is not None and ratio.low > 1.0 for ratio in ratios.values())
    return Phase(name, fastest, wins, others[0], ratios[others[0]])


def _sentence(courses: Sequence[Course], cold: Phase, hot: Phase) -> str:
    labels = {course.candidate.key: course.candidate.label for course in courses}
    if cold.wins and hot.wins and cold.fastest != hot.fastest:
        return (
            f"the cold winner is not the hot one: {labels[cold.fastest]} is fastest at first, "
            f"{labels[hot.fastest]} once the device is hot"
        )
    if cold.wins and hot.wins:
        return f"{labels[cold.fastest]} is fastest cold and hot"
    return f"cold: {_said(cold, labels)}; hot: {_said(hot, labels)}"


def _said(phase: Phase, labels: Mapping[str, str]) -> str:
    if phase.wins:
        return f"{labels[phase.fastest]} is fastest"
    return f"no difference beyond the noise between {labels[phase.fastest]} and {labels[phase.next_best]}"
