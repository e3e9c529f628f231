"""A battery's gauge in /sys/class/power_supply: what the whole device draws while it discharges.

Format: Linux Documentation/ABI/testing/sysfs-class-power (uV, uA, uW). Vendors differ in the sign of ``current_now``,
and some give mA or mV.
"""

import os
from typing import Dict

from agents import sysfs
from agents.power import Absent, Channel, Meter

# Below this a device that is awake cannot live: the vendor's unit is mA then, or the gauge is asleep.
_LEAST_PLAUSIBLE_UA = 20_000
_MOST_PLAUSIBLE_MV = 60_000


def parse(uevent: str) -> float:
    """Power drawn from the battery in W from the text of its ``uevent``.

    Raises ValueError where it does not discharge (the mains carry a share that no gauge sees), where a value is
    missing, or where the unit cannot be told.
    """
    fields: Dict[str, str] = {}
    for line in uevent.splitlines():
        name, _, value = line.partition("=")
        fields[name.replace("POWER_SUPPLY_", "")] = value.strip()
    status = fields.get("STATUS")
    if status != "Discharging":
        raise ValueError(f"battery is {status!r}, not discharging: it does not say what the device draws")
    if "POWER_NOW" in fields:
        return abs(int(fields["POWER_NOW"])) / 1e6
    if "CURRENT_NOW" not in fields or "VOLTAGE_NOW" not in fields:
        raise ValueError(f"battery has no current_now and voltage_now, only {', '.join(sorted(fields))}")
    microamperes, volts = abs(int(fields["CURRENT_NOW"])), _volts(int(fields["VOLTAGE_NOW"]))
    if microamperes < _LEAST_PLAUSIBLE_UA:
        raise ValueError(f"current_now={fields['CURRENT_NOW']} is in uA or mA, which cannot be told")
    return microamperes / 1e6 * volts


def _volts(voltage_now: int) -> float:
    if voltage_now <= 0:
        raise ValueError(f"voltage_now must be > 0, got {voltage_now}")
    return voltage_now / (1e3 if voltage_now < _MOST_PLAUSIBLE_MV else 1e6)


def find(root: str) -> Meter:
    """The first battery. Raises Absent where there is none, or it does not say what the device draws now."""
    for supply in sysfs.paths(root, "sys/class/power_supply/*"):
        if sysfs.read_text(supply, "type") == "Battery":
            path = os.path.join(supply, "uevent")
            break
    else:
        raise Absent("no battery in /sys/class/power_supply")
    try:
        _read(path)
    except (OSError, ValueError) as error:
        raise Absent(str(error)) from error
    return Meter("battery", (Channel("battery", "power_w", "battery"),), lambda: {"battery": _read(path)})


def _read(path: str) -> float:
    with open(path, encoding="utf-8", errors="replace") as file:
        return parse(file.read())
