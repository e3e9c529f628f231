"""Reads a meter in a thread beside a session. A reading that failed is NaN at its time: a gap is never bridged."""

import math
import random
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orchestrator.measure.meters.base import Channel, Meter, MeterOptions

# Polled at 1 to 1.5 times the shortest interval, so that no chunk period can be in step with it.
_SHORTEST, _LONGEST = 1.0, 1.5
# Before a meter that is gone is opened anew.
_REOPEN_S = 1.0
_END_S = 15.0


@dataclass(frozen=True)
class MeterSeries:
    """What one channel said. ``t_ns``: int64, this machine's monotonic clock; ``values``: float64, NaN in gaps.

    ``reason``: why there are gaps, or no readings at all; None where there are none.
    """

    channel: Channel
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    reason: str | None


@dataclass(frozen=True)
class Latest:
    """The newest reading by channel, ``age_s`` seconds old; empty where it failed, and ``reason`` why."""

    values: dict[str, float]
    age_s: float
    reason: str | None


@dataclass
class _Record:
    t_ns: list[int] = field(default_factory=list)
    values: list[dict[str, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class MeterWatch:
    """Samples from ``start`` to ``stop``. A meter that vanishes is tried again until then."""

    def __init__(self, options: MeterOptions, *, seed: int = 0, reopen_s: float = _REOPEN_S) -> None:
        self._options, self._reopen_s = options, reopen_s
        self._intervals = random.Random(seed)
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._record = _Record()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def start(self, patience_s: float = 5.0) -> None:
        """Returns when the meter has given its first reading, failed, or ``patience_s`` has passed."""
        self._thread.start()
        self._ready.wait(patience_s)

    def latest(self) -> Latest:
        """While it runs."""
        record = self._record
        if not record.t_ns:
            return Latest({}, 0.0, "has given no reading yet")
        values, age_s = record.values[-1], (time.monotonic_ns() - record.t_ns[-1]) / 1e9
        return Latest(values, age_s, None if values or not record.failures else record.failures[-1])

    def stop(self) -> tuple[MeterSeries, ...]:
        """One series per channel, also of a meter that never answered."""
        self._stop.set()
        self._thread.join(_END_S)
        record = _Record(list(self._record.t_ns), list(self._record.values), list(self._record.failures))
        return tuple(_series(channel, record) for channel in self._options.channels())

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._options.open()) as meter:
                    self._sample(meter)
            except (OSError, ValueError) as exc:
                self._gap(str(exc))
            except Exception as exc:
                # Another package's meter that breaks its contract must not end a session.
                self._gap(f"{type(exc).__name__}: {exc}")
            self._stop.wait(self._reopen_s)

    def _sample(self, meter: Meter) -> None:
        """Until told to stop. Raises OSError when the meter is gone."""
        while not self._stop.is_set():
            before_ns = time.monotonic_ns()
            try:
                values = meter.read()
            except ValueError as exc:
                self._gap(str(exc))
            else:
                self._take(self._time_of(before_ns), values)
            self._stop.wait(self._options.interval_s * self._intervals.uniform(_SHORTEST, _LONGEST))

    def _time_of(self, before_ns: int) -> int:
        """The middle of a question and its answer; a reading that was waited for came just now."""
        now_ns = time.monotonic_ns()
        return (before_ns + now_ns) // 2 if self._options.interval_s else now_ns

    def _take(self, t_ns: int, values: dict[str, float]) -> None:
        self._record.values.append(values)
        self._record.t_ns.append(t_ns)
        self._ready.set()

    def _gap(self, reason: str) -> None:
        self._record.failures.append(reason)
        self._take(time.monotonic_ns(), {})


def _series(channel: Channel, record: _Record) -> MeterSeries:
    count = min(len(record.t_ns), len(record.values))
    values = np.array([v.get(channel.name, math.nan) for v in record.values[:count]], dtype=np.float64)
    return MeterSeries(channel, np.array(record.t_ns[:count], dtype=np.int64), values, _reason(values, record.failures))


def _reason(values: NDArray[np.float64], failures: list[str]) -> str | None:
    missing = int(np.isnan(values).sum())
    if len(values) and not missing:
        return None
    why = f": {failures[0]}" if failures else ""
    if missing == len(values):
        return f"gave no reading{why}"
    return f"{missing} of {len(values)} readings failed{why or ', this channel gave no value then'}"
