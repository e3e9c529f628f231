"""Thermal zones against their trip points. Linux Documentation/driver-api/thermal/sysfs-api.rst."""

import os
from typing import Dict, Optional, Tuple

from agents import sysfs
from agents.doctor.facts import Zone

# What a trip point does: passive slows the CPU down, hot warns, critical shuts down. Active ones start a fan.
_ACTING = ("passive", "hot", "critical")
# Trip points at or below 0 and this high are placeholders that firmware leaves in.
_MOST_C = 200.0


def zones(root: str, skip: Tuple[str, ...], absent: Dict[str, str]) -> Tuple[Zone, ...]:
    """Zones that answer, without those named in ``skip``."""
    found = []
    for path in sysfs.paths(root, "sys/class/thermal/thermal_zone*"):
        name = sysfs.read_text(path, "type") or os.path.basename(path)
        milli_c = sysfs.read_int(path, "temp")
        if milli_c is not None and name not in skip:
            found.append(_zone(path, name, milli_c / 1e3))
    if not found:
        absent["thermal"] = "no thermal zone that this user may read"
    return tuple(found)


def _zone(path: str, name: str, temperature_c: float) -> Zone:
    limits = []
    for trip in sysfs.paths(path, "trip_point_*_temp"):
        kind = sysfs.read_text(trip.replace("_temp", "_type"), "") or ""
        limit_c = _degrees(trip)
        if kind in _ACTING and limit_c is not None:
            limits.append((limit_c, kind))
    if not limits:
        return Zone(name, temperature_c)
    limit_c, kind = min(limits)
    return Zone(name, temperature_c, limit_c, kind)


def _degrees(path: str) -> Optional[float]:
    milli_c = sysfs.read_int(path, "")
    return milli_c / 1e3 if milli_c is not None and 0 < milli_c / 1e3 < _MOST_C else None
