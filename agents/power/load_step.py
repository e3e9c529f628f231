"""Which sign and unit a vendor gave ``current_now``: found by a load step, because no document says.

Linux Documentation/ABI/testing/sysfs-class-power asks for uA, negative while the battery discharges; vendors give mA,
and the other sign. A device at work draws more than at rest: the direction of that step is the sign, and its size
leaves one unit.
"""

import statistics
from typing import Sequence

from agents.device_facts import AMPERES_PER_UNIT, Gauge

# What a phone, board or laptop draws from its battery with all cores busy.
_LEAST_A, _MOST_A = 0.05, 15.0
# A busy core adds at least this.
_LEAST_STEP_A = 0.02
_LEAST_READINGS = 5
# The step must stand out of the readings' own spread by this factor.
_CLEAR = 4.0


def decide(idle: Sequence[float], loaded: Sequence[float]) -> Gauge:
    """From raw readings at rest and with all cores busy, both on battery. Raises ValueError where it cannot be told."""
    if min(len(idle), len(loaded)) < _LEAST_READINGS:
        raise ValueError(f"needs {_LEAST_READINGS} readings of each, got {len(idle)} idle and {len(loaded)} loaded")
    at_rest, at_work = statistics.median(idle), statistics.median(loaded)
    step = at_work - at_rest
    spread = max(_spread(idle, at_rest), _spread(loaded, at_work))
    if abs(step) <= _CLEAR * spread or step == 0:
        raise ValueError(f"the load moved the reading by {step:g}, its spread is {spread:g}: the gauge is too slow")
    sign = 1 if step > 0 else -1
    if sign * at_rest <= 0:
        raise ValueError(f"readings go from {at_rest:g} to {at_work:g}: something charges the battery, unplug it")
    for unit, factor in AMPERES_PER_UNIT.items():
        # The ranges of the units do not meet: 50000..15e6 is uA, 50..15000 is mA.
        if _LEAST_A <= sign * at_work * factor <= _MOST_A:
            if abs(step) * factor < _LEAST_STEP_A:
                raise ValueError(f"the load moved the reading by {step:g} {unit}: too little for a busy core")
            return Gauge(sign, unit)
    raise ValueError(f"{at_work:g} is no current of a battery at work in any of {', '.join(AMPERES_PER_UNIT)}")


def _spread(values: Sequence[float], middle: float) -> float:
    """Median absolute deviation: one reading gone wrong does not count."""
    return statistics.median(abs(value - middle) for value in values)
