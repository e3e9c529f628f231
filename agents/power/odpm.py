"""On-device power monitors of Pixel phones (ODPM): energy per rail, accumulated by the power chip since boot.

Format: the comment in AOSP's kernel driver drivers/iio/power/odpm.c, ``energy_value``: a line ``t=<ms>``, then
``CH0(T=<ms>)[S10M_VDD_TPU], <uWs>`` per channel. User builds let only the power stats HAL read it.
"""

import os
import re
from typing import Dict, List

from agents import sysfs
from agents.power import Absent, Channel, Foreign, Meter
from agents.sensors import plain_name

_TIME = re.compile(r"t=(\d+)")
_CHANNEL = re.compile(r"CH\d+\(T=\d+\)\[([^\]]+)\], (\d+)")
# The chip accumulates at 125 Hz or less often, and the driver refreshes at most every 50 ms or so.
_SHORTEST_INTERVAL_S = 0.1
# No phone draws more on one rail.
_MOST_W = 40.0


class Rails:
    """One monitor's counters as J since the first reading. One that falls was reset, and says nothing any more."""

    def __init__(self) -> None:
        self._first_uws: Dict[str, int] = {}
        self._last_uws: Dict[str, int] = {}
        self._last_ms = 0
        self._lost: Dict[str, bool] = {}

    def advance(self, text: str) -> Dict[str, float]:
        """J by rail from the text of ``energy_value``. Raises ValueError for text that is not whole."""
        at_ms, energy_uws = parse(text)
        for rail, now_uws in energy_uws.items():
            first = self._first_uws.setdefault(rail, now_uws)
            step_uws = now_uws - self._last_uws.get(rail, first)
            # uWs per ms is mW; the time of an unchanged accumulator does not move.
            most_uws = _MOST_W * 1e3 * max(at_ms - self._last_ms, 1)
            if step_uws < 0 or (rail in self._last_uws and step_uws > most_uws):
                self._lost[rail] = True
            self._last_uws[rail] = now_uws
        self._last_ms = at_ms
        return {r: (uws - self._first_uws[r]) / 1e6 for r, uws in energy_uws.items() if r not in self._lost}


def parse(text: str) -> "tuple[int, Dict[str, int]]":
    """(The accumulator's time in ms, uWs by rail). Raises ValueError for text that is not whole."""
    lines = text.splitlines()
    time = _TIME.fullmatch(lines[0].strip()) if lines else None
    found = [_CHANNEL.fullmatch(line.strip()) for line in lines[1:] if line.strip()]
    if time is None or not found or not all(found) or not text.endswith("\n"):
        raise ValueError(f"energy_value must be t=<ms> and lines CH0(T=<ms>)[RAIL], <uWs>, got {text[:120]!r}")
    rails = {match[1]: int(match[2]) for match in found if match}
    if len(rails) != len(found):
        raise ValueError(f"energy_value names a rail twice: {text[:200]!r}")
    return int(time[1]), rails


def find(root: str) -> Meter:
    """All rails of all readable monitors. Raises Absent."""
    monitors: Dict[str, Rails] = {}
    channels: List[Channel] = []
    failures: List[str] = []
    for path in sysfs.paths(root, "sys/bus/iio/devices/iio:device*/energy_value"):
        try:
            _, rails = parse(_text(path))
        except (OSError, ValueError) as error:
            failures.append(f"energy_value cannot be read: {error}")
            continue
        monitors[path] = Rails()
        channels += [Channel(_name(path, rail), "energy_j", "rail", "ODPM energy_value") for rail in rails]
    if not monitors and failures:
        raise Absent("; ".join(failures))
    if not monitors:
        raise Foreign("no power monitor with energy_value in /sys/bus/iio")

    def read() -> Dict[str, float]:
        values: Dict[str, float] = {}
        for path, monitor in monitors.items():
            values.update({_name(path, rail): joules for rail, joules in monitor.advance(_text(path)).items()})
        return values

    return Meter("odpm", tuple(channels), read, _SHORTEST_INTERVAL_S)


def _name(path: str, rail: str) -> str:
    """Rails of different monitors may share a name: the monitor's number is part of it."""
    return f"odpm.{os.path.dirname(path).rsplit('iio:device', 1)[1]}.{plain_name(rail)}"


def _text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
