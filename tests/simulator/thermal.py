"""How warm a device is: heat in from its power, first-order cooling, and a clock that is taken back above a trip point.

The model is the lumped one of a small board: C dT/dt = P - (T - ambient) / R, whose solution for a constant power is an
exponential towards ambient + R P.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cooling:
    """``resistance_c_per_w``: how much warmer each W makes it in the end; ``time_constant_s``: R C.

    At ``trip_c`` the clock falls to ``slowed`` of its full rate, and rises again ``hysteresis_c`` below it.
    """

    ambient_c: float = 25.0
    resistance_c_per_w: float = 12.0
    time_constant_s: float = 120.0
    trip_c: float = 80.0
    hysteresis_c: float = 5.0
    slowed: float = 0.6

    def __post_init__(self) -> None:
        if not (self.resistance_c_per_w > 0 and self.time_constant_s > 0 and 0 < self.slowed <= 1):
            raise ValueError(f"a resistance and a time constant must be > 0, a clock in 0..1, got {self}")
        if not (self.trip_c > self.ambient_c and self.hysteresis_c >= 0):
            raise ValueError(f"a device must not throttle at room temperature, got {self}")

    def steady_c(self, power_w: float) -> float:
        return self.ambient_c + self.resistance_c_per_w * power_w

    def after_c(self, temperature_c: float, power_w: float, seconds: float) -> float:
        steady_c = self.steady_c(power_w)
        return steady_c + (temperature_c - steady_c) * math.exp(-seconds / self.time_constant_s)

    def seconds_to(self, limit_c: float, power_w: float, from_c: float | None = None) -> float:
        """Until it is as warm as ``limit_c``; infinite where such a power never makes it."""
        steady_c, start_c = self.steady_c(power_w), self.ambient_c if from_c is None else from_c
        if start_c >= limit_c:
            return 0.0
        if steady_c <= limit_c:
            return math.inf
        return self.time_constant_s * math.log((steady_c - start_c) / (steady_c - limit_c))


class Heat:
    """The state of one device. ``latched``: it throttled since boot, as the flags of a Pi's firmware tell."""

    def __init__(self, cooling: Cooling) -> None:
        self.cooling = cooling
        self.temperature_c = cooling.ambient_c
        self.throttled = False
        self.latched = False

    @property
    def clock_share(self) -> float:
        return self.cooling.slowed if self.throttled else 1.0

    def advance(self, power_w: float, seconds: float) -> None:
        """``power_w`` for so long; the clock follows at the end of it."""
        self.temperature_c = self.cooling.after_c(self.temperature_c, power_w, seconds)
        if self.temperature_c >= self.cooling.trip_c:
            self.throttled = self.latched = True
        elif self.temperature_c <= self.cooling.trip_c - self.cooling.hysteresis_c:
            self.throttled = False
