"""Shelly plugs and relays with a meter, by their local HTTP interface.

Gen1: https://shelly-api-docs.shelly.cloud/gen1/ (``/meter/N``: power in W, total in watt-minutes, is_valid).
Gen2 and later: https://shelly-api-docs.shelly.cloud/gen2/ (``Switch.GetStatus``, ``PM1.GetStatus``: apower in W,
aenergy.total in Wh). ``/shelly`` tells which one it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.measure.meters.base import Meter
from orchestrator.measure.meters.http_json import get_json
from orchestrator.measure.meters.plug import Plug, PlugOptions, PlugStatus, number

_COMPONENTS = {"switch": "Switch", "pm1": "PM1"}
J_PER_WATT_MINUTE, J_PER_WH = 60.0, 3600.0


@dataclass(frozen=True, kw_only=True)
class ShellyOptions(PlugOptions):
    """``channel``: which relay, from 0. ``component``: switch, or pm1 for a meter without a relay (Gen2 and later)."""

    channel: int = 0
    component: str = "switch"

    def check(self) -> None:
        super().check()
        if self.component not in _COMPONENTS:
            raise ValueError(f"component must be one of {', '.join(_COMPONENTS)}, got {self.component!r}")
        if not 0 <= self.channel < 16:
            raise ValueError(f"channel must be in 0..15, got {self.channel}")

    @property
    def source(self) -> str:
        return f"Shelly plug at {self.host}, channel {self.channel}"

    def open(self) -> Meter:
        generation = parse_generation(get_json(self.host, "/shelly"))
        if generation == 1:
            return Plug(_asking(self.host, f"/meter/{self.channel}", parse_gen1), J_PER_WATT_MINUTE)
        path = f"/rpc/{_COMPONENTS[self.component]}.GetStatus?id={self.channel}"
        # Wh with three decimals.
        return Plug(_asking(self.host, path, parse_gen2), J_PER_WH / 1000)


def _asking(host: str, path: str, parse: Callable[[dict[str, Any]], PlugStatus]) -> Callable[[], PlugStatus]:
    ask = partial(get_json, host, path)
    return lambda: parse(ask())


def parse_generation(answer: dict[str, Any]) -> int:
    """1 where ``/shelly`` gives a type, else its ``gen``. Raises ValueError for another device."""
    if isinstance(answer.get("gen"), int) and answer["gen"] >= 2:
        return int(answer["gen"])
    if "type" in answer and "gen" not in answer:
        return 1
    raise ValueError(f"this is no Shelly plug: /shelly answers {', '.join(sorted(answer)) or 'nothing'}")


def parse_gen1(answer: dict[str, Any]) -> PlugStatus:
    """Raises ValueError, also while the plug itself says that its reading is not valid."""
    if answer.get("is_valid") is not True:
        raise ValueError("the plug says that its reading is not valid")
    total = answer.get("total")
    energy_j = None if total is None else number(answer, "total", "meter") * J_PER_WATT_MINUTE
    return PlugStatus(number(answer, "power", "meter"), energy_j)


def parse_gen2(answer: dict[str, Any]) -> PlugStatus:
    """Raises ValueError, also where the plug reports an error, or has no meter."""
    errors = answer.get("errors")
    if errors:
        raise ValueError(f"the plug reports {errors}")
    if "apower" not in answer:
        raise ValueError("this plug switches but does not measure: its status has no apower")
    energy = answer.get("aenergy")
    energy_j = None if energy is None else number(energy, "total", "aenergy") * J_PER_WH
    return PlugStatus(number(answer, "apower", "status"), energy_j)
