"""Power meters, one module each. A module has ``find(root) -> Meter``, which raises ``Absent`` with the reason."""

import importlib
from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

METERS = ("ina3221", "pmic", "battery", "rapl")


class Absent(Exception):
    """This device has no such meter, or does not let us read it; the message says which."""


@dataclass(frozen=True)
class Channel:
    """One series of a meter. ``quantity``: power_w, current_a, voltage_v, or energy_j (a counter that only rises).

    ``scope``: what it measures, one of board, soc, package, rail, battery.
    """

    name: str
    quantity: str
    scope: str


@dataclass(frozen=True)
class Meter:
    """``read`` returns the value of each channel that answers now, by channel name. Raises OSError or ValueError.

    ``shortest_interval_s``: it is not read more often, because reading costs something.
    """

    name: str
    channels: Tuple[Channel, ...]
    read: Callable[[], Dict[str, float]]
    shortest_interval_s: float = 0.0


def find_meters(root: str) -> Tuple[List[Meter], Dict[str, str]]:
    """The meters of this device, and the reason for each that is not there."""
    meters, absent = [], {}
    for name in METERS:
        try:
            meters.append(importlib.import_module(f"agents.power.{name}").find(root))
        except Absent as reason:
            absent[f"power.{name}"] = str(reason)
    return meters, absent
