"""Temperature and frequency sensors of Linux: thermal zones, hwmon, cpufreq."""

import os
import re
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Tuple

from agents import sysfs

# Jetson's PMIC zone holds a fixed 50 or 100 degrees (NVIDIA documents it as a constant for the trip points).
CONSTANT_ZONES = ("PMIC-Die", "PMIC")
_CONSTANT = "a constant on this board, not a reading"


@dataclass(frozen=True)
class Sensor:
    """One series. ``quantity`` ends with its unit; ``source`` is the file; ``read`` raises OSError or ValueError where
    it has no value.
    """

    name: str
    quantity: str
    scope: str
    source: str
    read: Callable[[], float]


def plain_name(text: str) -> str:
    """A name that can be part of an array's name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("_") or "unnamed"


def _milli(path: str) -> Callable[[], float]:
    return lambda: celsius(sysfs.read_number(path))


def celsius(millidegrees: float) -> float:
    """Degrees C. Raises ValueError for what no chip survives: a driver's error value, or another unit."""
    if not -55_000 <= millidegrees <= 200_000:
        raise ValueError(f"a temperature must be in -55..200 C, got {millidegrees:g} millidegrees")
    return millidegrees / 1e3


def _kilo(path: str) -> Callable[[], float]:
    return lambda: sysfs.read_number(path) * 1e3


def temperatures(root: str) -> Tuple[List[Sensor], Dict[str, str]]:
    """Sensors in degrees C that answer now, and the reason for each that does not."""
    candidates: List[Tuple[str, str]] = []
    absent: Dict[str, str] = {}
    for zone in sysfs.paths(root, "sys/class/thermal/thermal_zone*"):
        name = sysfs.read_text(zone, "type") or os.path.basename(zone)
        if name in CONSTANT_ZONES:
            absent[f"temperature_c.{plain_name(name)}"] = _CONSTANT
        else:
            candidates.append((name, os.path.join(zone, "temp")))
    for path in sysfs.paths(root, "sys/class/hwmon/hwmon*/temp*_input"):
        chip = sysfs.read_text(os.path.dirname(path), "name") or "hwmon"
        label = sysfs.read_text(os.path.dirname(path), os.path.basename(path).replace("_input", "_label"))
        candidates.append((f"{chip}.{label or os.path.basename(path)[: -len('_input')]}", path))
    sensors = _unique([Sensor(plain_name(n), "temperature_c", "soc", path, _milli(path)) for n, path in candidates])
    if not candidates:
        absent["temperature_c"] = "no thermal zone and no hwmon temperature on this device"
    return _answering(sensors, absent)


def frequencies(root: str) -> Tuple[List[Sensor], Dict[str, str]]:
    """Current frequency in Hz per cpufreq policy, and the reason where there is none."""
    found = sysfs.paths(root, "sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq")
    if not found:
        return [], {"frequency_hz": "no cpufreq on this device"}
    names = [os.path.basename(os.path.dirname(path)) for path in found]
    return _answering([Sensor(n, "frequency_hz", "cpu", p, _kilo(p)) for n, p in zip(names, found)], {})


def _unique(sensors: List[Sensor]) -> List[Sensor]:
    """Boards repeat zone types; the second one is called name.2."""
    seen: Dict[str, int] = {}
    named = []
    for sensor in sensors:
        seen[sensor.name] = seen.get(sensor.name, 0) + 1
        number = seen[sensor.name]
        name = sensor.name if number == 1 else f"{sensor.name}.{number}"
        named.append(replace(sensor, name=name))
    return named


def _answering(sensors: List[Sensor], absent: Dict[str, str]) -> Tuple[List[Sensor], Dict[str, str]]:
    usable = []
    for sensor in sensors:
        try:
            sensor.read()
        except (OSError, ValueError) as error:
            absent[f"{sensor.quantity}.{sensor.name}"] = f"cannot be read: {error}"
        else:
            usable.append(sensor)
    return usable, absent
