"""What a twin is made of: how fast it is, how it warms, how often it fails. Drawn from its name, so in every process
the same.

The kinds are those of the lab in tests/month: a model of boards and phones, not measurements of any.
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    """``slowness``: of a chunk against the workload's own figure. ``idle_w`` always, ``busy_w`` more while it computes.

    C dT/dt = P - (T - ambient) / R with ``resistance_c_per_w`` R and ``time_constant_s`` R C. At ``trip_c`` the clock
    falls to ``slowed`` of its rate.
    """

    device_model: str
    slowness: float
    idle_w: float
    busy_w: float
    resistance_c_per_w: float
    time_constant_s: float
    trip_c: float = 80.0
    slowed: float = 0.6


KINDS = (
    Kind("Twin of a board with a fan", 1.3, 2.7, 4.5, 7.0, 120.0),
    Kind("Twin of a module with a heat sink", 1.0, 2.7, 4.5, 7.0, 120.0),
    Kind("Twin of a phone", 0.7, 1.6, 3.5, 20.0, 90.0),
    Kind("Twin of a board without a fan", 1.5, 2.7, 6.0, 14.0, 60.0),
)
AMBIENT_C = 24.0
# Units of one kind differ by so much (logarithm's standard deviation).
_UNITS_DIFFER = 0.03


@dataclass(frozen=True)
class Faults:
    """``failing``: share of sessions that end with a failure, which is recorded as such. ``vanishing``: share of
    sessions during which the way to the device is lost, for ``away_s`` (from, to); what runs there goes on.
    """

    failing: float = 0.005
    vanishing: float = 0.002
    away_s: tuple[float, float] = (20.0, 40.0)

    def __post_init__(self) -> None:
        if not (0 <= self.failing <= 1 and 0 <= self.vanishing <= 1):
            raise ValueError(f"a share must be in 0..1, got {self}")
        if not 0 <= self.away_s[0] <= self.away_s[1]:
            raise ValueError(f"a device is away for 0 s or longer, got {self.away_s}")


@dataclass(frozen=True)
class Twin:
    """One device."""

    name: str
    kind: Kind
    slowness: float

    def steady_c(self, power_w: float) -> float:
        return AMBIENT_C + self.kind.resistance_c_per_w * power_w

    def after_c(self, from_c: float, power_w: float, seconds: float) -> float:
        """How warm so much power for so long makes it."""
        steady_c = self.steady_c(power_w)
        return steady_c + (from_c - steady_c) * math.exp(-seconds / self.kind.time_constant_s)

    def seconds_to_trip(self, from_c: float, power_w: float) -> float:
        """Infinite where such a power never makes it so warm."""
        steady_c, trip_c = self.steady_c(power_w), self.kind.trip_c
        if from_c >= trip_c:
            return 0.0
        if steady_c <= trip_c:
            return math.inf
        return self.kind.time_constant_s * math.log((steady_c - from_c) / (steady_c - trip_c))


def twin(name: str, seed: int) -> Twin:
    rng = generator(seed, name)
    kind = KINDS[int(rng.integers(len(KINDS)))]
    return Twin(name, kind, kind.slowness * float(np.exp(_UNITS_DIFFER * rng.standard_normal())))


def generator(seed: int, *names: str) -> np.random.Generator:
    """The same for the same names in every process."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
