"""Meters: sensors that are read together because reading costs something. One module each.

A module has ``find(root) -> Meter``, which raises ``Absent`` with the reason.
"""

import importlib
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple

# What is missing where a meter is -> its module. Each kind of meter is one entry, whatever the ways to read it.
METERS = {
    "power.ina3221": "agents.power.jetson",
    "power.pmic": "agents.power.pmic",
    "power.battery": "agents.power.battery",
    "power.odpm": "agents.power.odpm",
    "power.rapl": "agents.power.rapl",
    "temperature_c.vcgencmd": "agents.thermal.vcgencmd",
    "temperature_c.thermalservice": "agents.thermal.thermalservice",
}
# Meters that a load step teaches.
_TAUGHT = ("power.battery",)


class Absent(Exception):
    """This device has no such meter, or does not let us read it; the message says which."""


class Foreign(Absent):
    """Belongs to another kind of device: worth a line only where one looks for power."""


@dataclass(frozen=True)
class Channel:
    """One series of a meter. ``quantity``: power_w, energy_j (a counter that only rises), temperature_c, frequency_hz.

    ``scope``: what it measures, one of board, soc, package, rail, battery, cpu. ``source``: where the numbers come
    from. ``calibrated``: somebody compared it with a better meter; what a maker promises does not count.
    """

    name: str
    quantity: str
    scope: str
    source: str
    calibrated: bool = False


def nothing_to_close() -> None:
    """For meters that hold nothing open."""


@dataclass(frozen=True)
class Meter:
    """``read`` returns the value of each channel that answers now, by channel name. Raises OSError or ValueError.

    ``shortest_interval_s``: it is not read more often, because reading costs something. ``charging``: what the battery
    said when the meter was found. ``close`` ends what the meter had started.
    """

    name: str
    channels: Tuple[Channel, ...]
    read: Callable[[], Dict[str, float]]
    shortest_interval_s: float = 0.0
    charging: Optional[bool] = None
    close: Callable[[], None] = nothing_to_close


def find_meters(root: str, store_root: Optional[str] = None) -> Tuple[List[Meter], Dict[str, str]]:
    """The meters of this device, and the reason for each that is not there.

    ``store_root``: the agent's folder, where what a load step has taught is kept.
    """
    meters, absent = [], {}
    for name, module in METERS.items():
        try:
            find = importlib.import_module(module).find
            meters.append(find(root, store_root) if name in _TAUGHT else find(root))
        except Foreign as reason:
            if name.startswith("power."):
                absent[name] = str(reason)
        except Absent as reason:
            absent[name] = str(reason)
    return meters, absent
