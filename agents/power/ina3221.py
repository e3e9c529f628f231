"""INA3221 three-channel monitors of Jetson boards, through either of the two drivers, and Thor's INA238 at the input.

hwmon (JetPack 5 and later): ``inN_input`` in mV, ``currN_input`` in mA, ``inN_label`` from the device tree; Linux
Documentation/hwmon/ina3221.rst. Its in4..in7 are shunt voltages and their sum, not rails.
iio (JetPack 4): ``in_powerN_input`` in mW and ``rail_name_N`` below /sys/bus/i2c/drivers/ina3221x; NVIDIA Jetson Linux
Developer Guide, "Software-based power consumption modeling".
ina238: ``power1_input`` in uW; Linux Documentation/hwmon/ina238.rst. It has no label: tegrastats calls it VIN.
An unwired channel is called NC, or fails to read, and fails alone.
"""

import os
from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

from agents import sysfs
from agents.power import Absent, Channel, Foreign, Meter
from agents.sensors import plain_name

# The module's input: the whole module, without the carrier board. All other rails are parts of it.
BOARD_RAILS = ("VDD_IN", "POM_5V_IN", "VIN")
UNWIRED = ("NC", "")
# INA3221 datasheet (SBOS576): 13 bits of 8 mV; a shunt of 1 mohm carries 163.8 A at full scale.
_MOST_MV, _MOST_MA = 32_760.0, 163_800.0
# No Jetson takes more (AGX Thor: 130 W): beyond it a unit is wrong.
MOST_W = 200.0


@dataclass(frozen=True)
class Rail:
    """``read`` gives W. Raises OSError or ValueError. ``chip`` is part of the channel's name."""

    chip: str
    name: str
    read: Callable[[], float]


def power_w(millivolts: str, milliamperes: str) -> float:
    """The product of the two files' text, in W. Raises ValueError for what the chip cannot measure."""
    volts_mv, amperes_ma = float(millivolts), float(milliamperes)
    if not (0 <= volts_mv <= _MOST_MV and abs(amperes_ma) <= _MOST_MA):
        raise ValueError(f"an INA3221 measures up to {_MOST_MV:g} mV, got {volts_mv:g} mV and {amperes_ma:g} mA")
    return plausible_w(volts_mv * amperes_ma / 1e6)


def plausible_w(watts: float) -> float:
    """``watts``. Raises ValueError beyond what any Jetson takes; a small negative offset at no load is the chip's."""
    if not -1.0 <= watts <= MOST_W:
        raise ValueError(f"a rail must carry at most {MOST_W:g} W, got {watts:g} W: is the unit another one?")
    return watts


def scope_of(rail: str) -> str:
    """Of a rail by the name that the board gives it."""
    return "board" if rail in BOARD_RAILS else "rail"


def find(root: str) -> Meter:
    """All wired channels of all monitors. Raises Absent."""
    for source, layout in (("ina3221 hwmon", _hwmon), ("ina3221x iio", _iio)):
        rails, failures = _answering(layout(root))
        if rails:
            return _meter(rails, source)
        if failures:
            raise Absent("; ".join(failures))
    raise Foreign("no ina3221 under /sys/class/hwmon")


def _hwmon(root: str) -> List[Rail]:
    rails = []
    for chip in sysfs.paths(root, "sys/class/hwmon/hwmon*"):
        if sysfs.read_text(chip, "name") == "ina3221":
            for number in (1, 2, 3):
                label = sysfs.read_text(chip, f"in{number}_label") or ""
                files = [os.path.join(chip, f"{kind}{number}_input") for kind in ("in", "curr")]
                rails.append(Rail("ina3221", label, _product(files[0], files[1])))
    inputs = [c for c in sysfs.paths(root, "sys/class/hwmon/hwmon*") if sysfs.read_text(c, "name") == "ina238"]
    return rails + [Rail("ina238", "VIN", _scaled(os.path.join(c, "power1_input"), 1e-6)) for c in inputs if rails]


def _iio(root: str) -> List[Rail]:
    rails = []
    for path in sysfs.paths(root, "sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        folder, number = os.path.dirname(path), path.rsplit("_", 1)[1]
        label = sysfs.read_text(path, "") or ""
        rails.append(Rail("ina3221", label, _scaled(os.path.join(folder, f"in_power{number}_input"), 1e-3)))
    return rails


def _product(volts: str, amperes: str) -> Callable[[], float]:
    def read() -> float:
        with open(volts, encoding="ascii") as v, open(amperes, encoding="ascii") as a:
            return power_w(v.read(), a.read())

    return read


def _scaled(path: str, factor: float) -> Callable[[], float]:
    return lambda: plausible_w(sysfs.read_number(path) * factor)


def _answering(rails: List[Rail]) -> Tuple[List[Rail], List[str]]:
    usable, failures = [], []
    for rail in rails:
        if rail.name in UNWIRED:
            continue
        try:
            rail.read()
        except (OSError, ValueError) as error:
            failures.append(f"rail {rail.name} cannot be read: {error}")
        else:
            usable.append(rail)
    return usable, failures


def _meter(rails: List[Rail], source: str) -> Meter:
    named = {f"{rail.chip}.{plain_name(rail.name)}": rail for rail in rails}

    def read() -> Dict[str, float]:
        values = {}
        for name, rail in named.items():
            try:
                values[name] = rail.read()
            except (OSError, ValueError):
                continue  # A channel may fail alone; its gap stays a gap.
        return values

    channels = tuple(Channel(name, "power_w", scope_of(rail.name), source) for name, rail in named.items())
    return Meter("ina3221", channels, read)
