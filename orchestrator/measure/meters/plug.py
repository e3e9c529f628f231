"""What all smart plugs share: they measure at the socket, about once a second, and count energy."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.measure.meters.base import Channel, MeterOptions, plausible_w
from orchestrator.measure.meters.counter import EnergyCounter
from orchestrator.measure.meters.http_json import check_host

# The largest of them switch 16 A at 250 V.
MOST_W = 4000.0
POWER, ENERGY = "socket", "socket-energy"


@dataclass(frozen=True)
class PlugStatus:
    """``energy_j``: the counter as it stands, None where the plug has none."""

    power_w: float
    energy_j: float | None


@dataclass(frozen=True, kw_only=True)
class PlugOptions(MeterOptions):
    """``host``: name or address of the plug, with :port where it is not 80."""

    host: str

    def check(self) -> None:
        check_host(self.host)

    @property
    def interval_s(self) -> float:
        return 1.0

    def channels(self) -> tuple[Channel, ...]:
        scope = self.scope or "socket"
        return Channel(POWER, "power_w", scope), Channel(ENERGY, "energy_j", scope)


class Plug:
    """Asks ``status`` for each reading."""

    def __init__(self, status: Callable[[], PlugStatus], resolution_j: float) -> None:
        self._status = status
        self._counter = EnergyCounter(MOST_W, resolution_j)

    def read(self) -> dict[str, float]:
        status = self._status()
        values = {POWER: plausible_w(status.power_w, MOST_W)}
        if status.energy_j is not None:
            try:
                values[ENERGY] = self._counter.advance(status.energy_j)
            except ValueError:
                return values  # The counter was reset: its gap is not that of the power.
        return values

    def close(self) -> None:
        """Nothing is held open between two readings."""


def number(fields: dict[str, object], key: str, whose: str) -> float:
    """Raises ValueError where the key is missing or holds no number."""
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{whose} must hold {key} as a number, got {value!r} among {', '.join(sorted(fields))}")
    return float(value)
