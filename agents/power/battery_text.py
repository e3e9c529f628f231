"""The texts in which batteries speak: a power supply's uevent, ``dumpsys battery``, ``termux-battery-status``."""

import json
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

# Cells in series of any handheld: below it the voltage is in mV, above it in uV.
_MOST_PLAUSIBLE_MV = 60_000
_LEAST_V, _MOST_V = 2.0, 60.0
# android.os.BatteryManager BATTERY_STATUS_*.
_STATUS = {"1": "Unknown", "2": "Charging", "3": "Discharging", "4": "Not charging", "5": "Full"}
_DUMPSYS_HEADER = "Current Battery Service state:"


@dataclass(frozen=True)
class BatteryReading:
    """``status`` in the kernel's words. ``current_raw`` in the vendor's unit and sign. ``keys``: all it said."""

    status: str
    current_raw: Optional[float] = None
    voltage_v: Optional[float] = None
    power_uw: Optional[float] = None
    temperature_c: Optional[float] = None
    keys: Tuple[str, ...] = ()


def parse_uevent(text: str) -> BatteryReading:
    """Linux Documentation/ABI/testing/sysfs-class-power: uV, uA, uW, tenths of a degree. Raises ValueError."""
    fields = _pairs(text, "=")
    fields = {name.replace("POWER_SUPPLY_", ""): value for name, value in fields.items()}
    if "STATUS" not in fields:
        raise ValueError(f"battery gives no status, only {', '.join(sorted(fields)) or 'nothing'}")
    return BatteryReading(
        status=fields["STATUS"],
        current_raw=_number(fields, "CURRENT_NOW"),
        voltage_v=_volts(_number(fields, "VOLTAGE_NOW")),
        power_uw=_number(fields, "POWER_NOW"),
        temperature_c=_tenths(_number(fields, "TEMP")),
        keys=tuple(sorted(fields)),
    )


def parse_dumpsys(text: str) -> BatteryReading:
    """AOSP BatteryService.dump: mV, tenths of a degree, status by number; ``current now`` is Samsung's own.

    Only the indented lines after the first header count: vendors append other sections. Raises ValueError.
    """
    lines = text.splitlines()
    if _DUMPSYS_HEADER not in lines:
        raise ValueError(f"dumpsys battery must have {_DUMPSYS_HEADER!r}, got {text[:80]!r}")
    body = []
    for line in lines[lines.index(_DUMPSYS_HEADER) + 1 :]:
        if not line.startswith("  "):
            break
        body.append(line)
    fields = _pairs("\n".join(body), ":")
    if fields.get("status") not in _STATUS:
        raise ValueError(f"dumpsys battery must have a status of 1..5, got {fields.get('status')!r}")
    return BatteryReading(
        status=_STATUS[fields["status"]],
        current_raw=_number(fields, "current now"),
        voltage_v=_volts(_number(fields, "voltage")),
        temperature_c=_tenths(_number(fields, "temperature")),
        keys=tuple(sorted(fields)),
    )


def parse_termux(text: str) -> BatteryReading:
    """termux-api's BatteryStatusAPI: a JSON object; ``current`` in the vendor's unit, no voltage in older versions.

    Raises ValueError.
    """
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ValueError(f"termux-battery-status must answer JSON, got {text[:80]!r}") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("status"), str):
        raise ValueError(f"termux-battery-status must answer an object with a status, got {text[:80]!r}")
    plain = {name: str(value) for name, value in fields.items() if not isinstance(value, (dict, list))}
    return BatteryReading(
        status=fields["status"].replace("_", " ").capitalize(),
        current_raw=_number(plain, "current"),
        voltage_v=_volts(_number(plain, "voltage")),
        temperature_c=_number(plain, "temperature"),
        keys=tuple(sorted(fields)),
    )


def _pairs(text: str, separator: str) -> Dict[str, str]:
    """Name to value. A name that comes twice with two values says nothing and is left out."""
    fields: Dict[str, str] = {}
    unclear = set()
    for line in text.splitlines():
        name, found, value = line.partition(separator)
        name, value = name.strip(), value.strip()
        if found and fields.setdefault(name, value) != value:
            unclear.add(name)
    return {name: value for name, value in fields.items() if name not in unclear}


def _number(fields: Dict[str, str], name: str) -> Optional[float]:
    text = fields.get(name)
    if text is None or text == "None":
        return None
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{name} must be a number, got {text}")
    return value


def _volts(raw: Optional[float]) -> Optional[float]:
    if raw is None:
        return None
    volts = raw / (1e3 if raw < _MOST_PLAUSIBLE_MV else 1e6)
    if not _LEAST_V <= volts <= _MOST_V:
        raise ValueError(f"a battery's voltage must be > 0 and plausible, got {raw:g} (mV or uV)")
    return volts


def _tenths(raw: Optional[float]) -> Optional[float]:
    return None if raw is None else raw / 10
