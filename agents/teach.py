"""``agent load-step``: finds the sign and unit of the battery's gauge by working hard for a while."""

import os
import time
from contextlib import contextmanager
from typing import Iterator, List

from agents.busy import end_busy, start_busy
from agents.device_facts import Gauge
from agents.power import battery
from agents.power.gauge_file import write_gauge
from agents.power.load_step import decide

# Gauges average over some seconds: what they say right after the step is of both sides of it.
_SETTLE_S = 3.0
_READINGS = 20


def load_step(root: str, store_root: str, seconds: float) -> Gauge:
    """``seconds`` at rest, then as long with all cores busy; the answer is kept for later sessions.

    Raises ValueError where nothing tells the battery's current, or it does not discharge, or the step says nothing.
    """
    way = _way(root)
    idle = _raw_currents(way, seconds)
    with _all_cores_busy():
        time.sleep(min(_SETTLE_S, seconds))
        loaded = _raw_currents(way, seconds)
    gauge = decide(idle, loaded)
    write_gauge(store_root, gauge)
    return gauge


def _way(root: str) -> battery.Way:
    reasons = []
    for way in battery.ways(root):
        try:
            if way.read().current_raw is not None:
                return way
            reasons.append(f"{way.source} gives no current")
        except (OSError, ValueError) as error:
            reasons.append(f"{way.source}: {error}")
    raise ValueError("; ".join(reasons) or "no battery on this device")


def _raw_currents(way: battery.Way, seconds: float) -> List[float]:
    values = []
    for _ in range(_READINGS):
        reading = way.read()
        if reading.status != "Discharging":
            raise ValueError(f"battery is {reading.status!r}: unplug the device, a load step needs it to discharge")
        if reading.current_raw is None:
            raise ValueError(f"{way.source} stopped giving a current")
        values.append(reading.current_raw)
        time.sleep(seconds / _READINGS)
    return values


@contextmanager
def _all_cores_busy() -> Iterator[None]:
    workers = start_busy(os.cpu_count() or 1)
    try:
        yield
    finally:
        end_busy(workers)
