"""What a battery's gauge says: what the whole device draws while it discharges.

Three ways, the cheapest first: /sys/class/power_supply (Android denies it to most apps), ``dumpsys battery`` (for the
adb shell), ``termux-battery-status`` (for Termux, with its API app). Vendors differ in the sign of the current, and
some give mA where the kernel asks for uA: see ``load_step``.
"""

import os
from dataclasses import dataclass
from typing import Callable, Optional, Tuple

from agents import sysfs
from agents.ask import ask, has_tool
from agents.device_facts import Gauge
from agents.power import Absent, Channel, Foreign, Meter
from agents.power.battery_text import BatteryReading, parse_dumpsys, parse_termux, parse_uevent
from agents.power.gauge_file import read_gauge

# Below this a device that is awake cannot live: the vendor's unit is mA then, or the gauge is asleep.
_LEAST_PLAUSIBLE_UA = 20_000
# Beyond this no battery of a phone or laptop delivers: the unit is a smaller one.
_MOST_PLAUSIBLE_W = 150.0
_DUMPSYS = ["dumpsys", "battery"]
_TERMUX = ["termux-battery-status"]
# It starts an app and waits for its answer; without the Termux:API app it hangs.
_TERMUX_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Way:
    """One way to ask. ``read`` raises OSError or ValueError."""

    source: str
    read: Callable[[], BatteryReading]
    shortest_interval_s: float


def power_w(reading: BatteryReading, gauge: Optional[Gauge] = None) -> float:
    """W drawn from the battery. ``gauge``: sign and unit as a load step found them; None: uA of either sign.

    Raises ValueError where it does not discharge (the mains carry a share that no gauge sees), where a value is
    missing, or where the unit cannot be told.
    """
    if reading.status != "Discharging":
        raise ValueError(f"battery is {reading.status!r}, not discharging: it does not say what the device draws")
    if reading.power_uw is not None:
        return _plausible(abs(reading.power_uw) / 1e6)
    if reading.current_raw is None or reading.voltage_v is None:
        raise ValueError(f"battery has no current and voltage, only {', '.join(reading.keys)}")
    if gauge is not None:
        amperes = gauge.discharge_a(reading.current_raw)
        if amperes <= 0:
            raise ValueError(f"battery is charged by {-amperes:g} A while it says {reading.status}")
        return _plausible(amperes * reading.voltage_v)
    if abs(reading.current_raw) < _LEAST_PLAUSIBLE_UA:
        raise ValueError(f"current {reading.current_raw:g} is in uA or mA, which cannot be told: see the load step")
    return _plausible(abs(reading.current_raw) / 1e6 * reading.voltage_v)


def _plausible(watts: float) -> float:
    if watts > _MOST_PLAUSIBLE_W:
        raise ValueError(f"battery must deliver at most {_MOST_PLAUSIBLE_W:g} W, got {watts:g}: another unit?")
    return watts


def find(root: str, store_root: Optional[str] = None) -> Meter:
    """The first battery, by the first way that answers. Raises Absent where it does not say what the device draws.

    ``store_root``: where a load step may have left what it taught of the gauge.
    """
    failures = []
    gauge = read_gauge(store_root)
    for way in ways(root):
        try:
            power_w(way.read(), gauge)
        except (OSError, ValueError) as error:
            failures.append(f"{way.source}: {error}")
        else:
            return _meter(way, gauge)
    if failures:
        raise Absent("; ".join(failures))
    raise Foreign("no battery in /sys/class/power_supply")


def _meter(way: Way, gauge: Optional[Gauge]) -> Meter:
    taught = f", {gauge.unit} by a load step" if gauge else ", unit taken for uA"
    channel = Channel("battery", "power_w", "battery", way.source + taught)
    return Meter(
        "battery", (channel,), lambda: {"battery": power_w(way.read(), gauge)}, way.shortest_interval_s, charging=False
    )


def ways(root: str) -> Tuple[Way, ...]:
    """The ways that this device has."""
    found = []
    supplies = sysfs.paths(root, "sys/class/power_supply/*")
    batteries = [supply for supply in supplies if sysfs.read_text(supply, "type") == "Battery"]
    if batteries:
        path = os.path.join(batteries[0], "uevent")
        found.append(Way(f"{os.path.basename(batteries[0])}/uevent", lambda: parse_uevent(_text(path)), 0.0))
    if has_tool(root, _DUMPSYS[0]):
        found.append(Way("dumpsys battery", lambda: parse_dumpsys(ask(_DUMPSYS)), 1.0))
    if has_tool(root, _TERMUX[0]):
        found.append(Way(_TERMUX[0], lambda: parse_termux(ask(_TERMUX, _TERMUX_TIMEOUT_S)), 10.0))
    return tuple(found)


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
