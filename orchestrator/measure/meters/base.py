"""What every meter offers, and what all of them are told in lab.toml."""

import math
from dataclasses import dataclass
from typing import Protocol

SCOPES = ("board", "battery", "socket")


@dataclass(frozen=True)
class Channel:
    """One series. ``quantity``: power_w, voltage_v, or energy_j (since the meter was opened; it only rises).

    ``scope``: what it measures. socket: the supply's own loss is in it; battery: in the battery's place.
    """

    name: str
    quantity: str
    scope: str


class Meter(Protocol):
    """An open meter. Serves one thread."""

    def read(self) -> dict[str, float]:
        """Values of now by channel; a channel that has none is left out.

        Raises ValueError for a reading that cannot be right, OSError for a meter that is gone: it is opened anew then.
        Returns or raises within a few seconds.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class MeterOptions:
    """A meter's table in lab.toml without its ``kind``; each kind adds its own keys.

    ``calibrated``: you compared it with a better meter. ``scope`` "" stands for the kind's own.
    """

    scope: str = ""
    calibrated: bool = False

    def __post_init__(self) -> None:
        if self.scope and self.scope not in SCOPES:
            raise ValueError(f"scope must be one of {', '.join(SCOPES)}, got {self.scope!r}")
        self.check()

    def check(self) -> None:
        """Raises ValueError for a value that cannot be."""

    @property
    def interval_s(self) -> float:
        """Shortest time between two readings; 0 where ``read`` itself waits for the next one."""
        raise NotImplementedError

    @property
    def averages(self) -> bool:
        """Whether a reading of power is the mean since the one before, and no moment of it."""
        return False

    @property
    def source(self) -> str:
        """What it is and where, for people."""
        raise NotImplementedError

    def channels(self) -> tuple[Channel, ...]:
        """Without asking the meter."""
        raise NotImplementedError

    def open(self) -> Meter:
        """Raises OSError or ValueError where it does not answer, or is another one."""
        raise NotImplementedError


def plausible_w(watts: object, most_w: float) -> float:
    """A reading in W. Raises ValueError for what is no number, negative, or more than the meter can carry."""
    if isinstance(watts, bool) or not isinstance(watts, int | float) or not math.isfinite(watts):
        raise ValueError(f"a power must be a number, got {watts!r}")
    if watts < 0:
        raise ValueError(f"a power must be >= 0, got {watts:g} W: is the meter wired the wrong way round?")
    if watts > most_w:
        raise ValueError(f"a power must be at most {most_w:g} W here, got {watts:g}: is the unit another one?")
    return float(watts)
