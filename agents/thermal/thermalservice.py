"""Android's thermal service: ``dumpsys thermalservice`` (for the adb shell; apps may not ask).

Format: AOSP ThermalManagerService.dump. Its first list is cached from the last event and may be hours old; only
"Current temperatures from HAL" is read. Types: android.hardware.thermal TemperatureType; 6, 7 and 8 are limits in mV,
mA and percent, no temperatures, and -1 may be anything.
"""

import re
from dataclasses import dataclass
from typing import Dict, Tuple

from agents.ask import ask, has_tool
from agents.power import Absent, Channel, Foreign, Meter
from agents.sensors import plain_name

_ARGV = ["dumpsys", "thermalservice"]
_LIVE = "Current temperatures from HAL:"
_COOLING = "Current cooling devices from HAL:"
_TEMPERATURE = re.compile(r"Temperature\{mValue=([-+.0-9NaE]+), mType=(-?\d+), mName=([^,}]*), mStatus=(\d+)\}")
_DEVICE = re.compile(r"CoolingDevice\{mValue=(\d+), mType=(\d+), mName=([^,}]*)\}")
_STATUS = re.compile(r"^Thermal Status: (\d+)$", re.MULTILINE)
_NO_TEMPERATURES = (-1, 6, 7, 8)
# android.os.PowerManager THERMAL_STATUS_*.
STATUS_NAMES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_CPU_COOLING = 2
# dumpsys takes tens of ms of a core.
_SHORTEST_INTERVAL_S = 1.0


@dataclass(frozen=True)
class Thermal:
    """``status``: index into ``STATUS_NAMES``. ``temperature_c`` by sensor; ``cpu_cooling``: level by CPU device."""

    status: int
    temperature_c: Dict[str, float]
    cpu_cooling: Dict[str, int]


def parse(text: str) -> Thermal:
    """Raises ValueError where the live list is missing or cut."""
    status = _STATUS.search(text)
    if status is None or int(status[1]) >= len(STATUS_NAMES):
        raise ValueError(f"dumpsys thermalservice must have 'Thermal Status: 0..6', got {text[:80]!r}")
    if _LIVE not in text:
        raise ValueError("thermalservice has no temperatures from its HAL, only cached ones")
    values: Dict[str, float] = {}
    for line in _section(text, _LIVE):
        match = _TEMPERATURE.fullmatch(line)
        if match is None:
            raise ValueError(f"not a temperature of thermalservice: {line[:80]!r}")
        value = float(match[1])
        # Not a number, or millidegrees: no reading.
        if int(match[2]) not in _NO_TEMPERATURES and -50 <= value <= 150:
            values[match[3]] = value
    cooling = [m for m in map(_DEVICE.fullmatch, _section(text, _COOLING)) if m and int(m[2]) == _CPU_COOLING]
    return Thermal(int(status[1]), values, {m[3]: int(m[1]) for m in cooling})


def _section(text: str, header: str) -> Tuple[str, ...]:
    """The indented lines after the header."""
    lines = []
    for line in text.partition(header)[2].splitlines()[1:]:
        if not line[:1].isspace() or not line.strip():
            break
        lines.append(line.strip())
    return tuple(lines)


def find(root: str) -> Meter:
    """Raises Absent."""
    if not has_tool(root, _ARGV[0]):
        raise Foreign("no dumpsys on this device")
    try:
        first = parse(ask(_ARGV)).temperature_c
    except (OSError, ValueError) as error:
        raise Absent(f"dumpsys thermalservice: {error}") from error
    if not first:
        raise Absent("thermalservice gives no temperature")
    channels = tuple(Channel(_channel(n), "temperature_c", "soc", "thermalservice HAL") for n in first)
    return Meter("thermalservice", channels, read, _SHORTEST_INTERVAL_S)


def read() -> Dict[str, float]:
    """Degrees C by channel. Raises OSError or ValueError."""
    return {_channel(name): value for name, value in parse(ask(_ARGV)).temperature_c.items()}


def _channel(name: str) -> str:
    return f"thermalservice.{plain_name(name)}"
