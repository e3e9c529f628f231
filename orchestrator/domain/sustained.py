"""What becomes of a long paced session: minute by minute, where it got slower, and by how much in the end."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.gaps import gaps, parts
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.percentiles import percentile
from orchestrator.statistics.warmup import LEVEL_TOLERANCE, classify

# Shorter ones say nothing about heat: phones and passively cooled boards take ten minutes to reach their temperature.
LEAST_MINUTES = 15.0
MINUTE_NS = 60_000_000_000
_CLOCK_SERIES = "sample_frequency_hz__"
# A core clock this far below its level at the start was taken back; so many readings in a row show that it stays there.
_CLOCK_DROP_SHARE = 0.1
_CLOCK_READINGS = 10


@dataclass(frozen=True)
class Minute:
    """``number`` from 0. Latencies in ns; an interval without a value says why."""

    number: int
    chunks: int
    p50: Interval
    p99: Interval


@dataclass(frozen=True)
class Sustained:
    """``ratio``: median service time of the last third over that of the first minute after the warm-up; 1.3 means 30 %
    slower in the end. None where the session has no three minutes. ``knee_s``: when service time rose for good, from
    the first arrival on; None where it never did. ``throttled_s``: when a core clock fell and stayed there; None where
    it did not, or where none was read, which ``clock_read`` tells apart. ``clock_missed_s``: for how long no reading
    says what the clocks did, of the one that was read least.
    """

    minutes: tuple[Minute, ...]
    ratio: float | None
    knee_s: float | None
    throttled_s: float | None
    clock_read: bool
    clock_missed_s: float = 0.0


def sustained(session: Session, sample_rate_hz: int) -> Sustained:
    """Raises ValueError where the session has no arrivals."""
    timeline = session.timeline(sample_rate_hz)
    clocks = _clocks(session)
    begin_ns = int(timeline.arrival_ns[0])
    falls = [_fall_s(t_ns, values, begin_ns) for t_ns, values in clocks]
    return Sustained(
        minutes=_minutes(timeline),
        ratio=_ratio(timeline),
        knee_s=_knee_s(timeline),
        throttled_s=min((s for s in falls if s is not None), default=None),
        clock_read=bool(clocks),
        clock_missed_s=max((_missed_s(*clock, begin_ns, int(timeline.done_ns[-1])) for clock in clocks), default=0.0),
    )


def _missed_s(t_ns: NDArray[np.int64], frequency_hz: NDArray[np.float64], begin_ns: int, end_ns: int) -> float:
    return sum(b - a for a, b in gaps(np.maximum.accumulate(t_ns), frequency_hz, begin_ns, end_ns)) / 1e9


def _clocks(session: Session) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Times and readings of each core clock that was read, at its own times."""
    found = []
    for name, series in session.arrays.items():
        if name.startswith(_CLOCK_SERIES):
            values = np.asarray(series, dtype=np.float64)
            t_ns = session.times_of(name.partition("__")[2], len(values))
            if t_ns is not None and np.isfinite(values).any():
                found.append((t_ns, values))
    return found


def _minutes(timeline: Timeline) -> tuple[Minute, ...]:
    """Whole minutes and what is left at the end, by arrival."""
    number = (timeline.arrival_ns - timeline.arrival_ns[0]) // MINUTE_NS
    latency = timeline.latency_ns
    found = []
    for n in range(int(number[-1]) + 1):
        those = latency[number == n]
        if len(those):
            found.append(Minute(n, len(those), percentile(those, 0.5), percentile(those, 0.99)))
    return tuple(found)


def _ratio(timeline: Timeline) -> float | None:
    steady = timeline.after(classify(timeline.service_ns).skip)
    since_ns = steady.done_ns - steady.done_ns[0]
    if since_ns[-1] < 3 * MINUTE_NS:
        return None
    first, last = since_ns < MINUTE_NS, since_ns >= 2 * since_ns[-1] // 3
    return float(np.median(steady.service_ns[last]) / np.median(steady.service_ns[first]))


def _knee_s(timeline: Timeline) -> float | None:
    """The start of the first level from which on every level is slower than the one before it, by change point."""
    levels = classify(timeline.service_ns).levels
    for index in range(1, len(levels)):
        # Not against all before it: the warm-up may have been as slow as the end is.
        before = levels[index - 1].median
        if all(level.median > before * (1.0 + LEVEL_TOLERANCE) for level in levels[index:]):
            start_ns = timeline.done_ns[levels[index].start] - timeline.arrival_ns[0]
            return float(start_ns) / 1e9
    return None


def _fall_s(t_ns: NDArray[np.int64], frequency_hz: NDArray[np.float64], begin_ns: int) -> float | None:
    """Ten low readings in a row, with no gap between them: nobody knows what the clock did in one."""
    part = parts(t_ns, frequency_hz)
    times, clock, part = t_ns[part >= 0], frequency_hz[part >= 0], part[part >= 0]
    if len(clock) < 2 * _CLOCK_READINGS:
        return None
    least = (1.0 - _CLOCK_DROP_SHARE) * float(np.median(clock[:_CLOCK_READINGS]))
    low = np.convolve(clock < least, np.ones(_CLOCK_READINGS), mode="valid") == _CLOCK_READINGS
    unbroken = part[_CLOCK_READINGS - 1 :] == part[: len(part) - _CLOCK_READINGS + 1]
    found = np.flatnonzero(low & unbroken)
    return float(times[found[0]] - begin_ns) / 1e9 if len(found) else None
