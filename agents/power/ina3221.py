"""INA3221 three-channel monitors (Jetson boards) through hwmon: mV and mA per channel.

Format: Linux Documentation/hwmon/ina3221.rst. JetPack labels the rails in ``inN_label``; an unwired channel has the
label NC or fails to read.
"""

import os
from typing import Dict, List, Tuple

from agents import sysfs
from agents.power import Absent, Channel, Meter
from agents.sensors import plain_name

_CHANNELS = (1, 2, 3)
# Rails that feed the whole board; the others are parts of it.
_BOARD_RAILS = ("VDD_IN", "POM_5V_IN", "SYS5V", "VIN_SYS_5V0")


def power_w(millivolts: str, milliamperes: str) -> float:
    """The product of the two files' text, in W. Raises ValueError."""
    return float(millivolts) * float(milliamperes) / 1e6


def find(root: str) -> Meter:
    """All wired channels of all monitors. Raises Absent."""
    rails, failures = _rails(root)
    if not rails:
        raise Absent("; ".join(failures) if failures else "no ina3221 under /sys/class/hwmon")
    channels = tuple(
        Channel(name, "power_w", "board" if name.split(".", 1)[1] in _BOARD_RAILS else "rail") for name, _, _ in rails
    )

    def read() -> Dict[str, float]:
        values = {}
        for name, volts, amperes in rails:
            try:
                values[name] = _read(volts, amperes)
            except (OSError, ValueError):
                continue  # A channel may fail alone; its gap stays a gap.
        return values

    return Meter("ina3221", channels, read)


def _rails(root: str) -> Tuple[List[Tuple[str, str, str]], List[str]]:
    rails: List[Tuple[str, str, str]] = []
    failures: List[str] = []
    for chip in sysfs.paths(root, "sys/class/hwmon/hwmon*"):
        if sysfs.read_text(chip, "name") != "ina3221":
            continue
        for number in _CHANNELS:
            label = sysfs.read_text(chip, f"in{number}_label")
            if label is None or label == "NC":
                continue
            name = f"ina3221.{plain_name(label)}"
            volts, amperes = (os.path.join(chip, f"{kind}{number}_input") for kind in ("in", "curr"))
            try:
                _read(volts, amperes)
            except (OSError, ValueError) as error:
                failures.append(f"rail {label} cannot be read: {error}")
            else:
                rails.append((name, volts, amperes))
    return rails, failures


def _read(volts: str, amperes: str) -> float:
    with open(volts, encoding="ascii") as v, open(amperes, encoding="ascii") as a:
        return power_w(v.read(), a.read())
