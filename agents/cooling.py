"""``agent cool``: waits on the device until it is as cool as it was, and says so line by line.

One process for the whole wait: a small board would spend more heat on starting Python every second than it loses.
"""

import time
from dataclasses import dataclass, field
from typing import Callable, Dict, Optional

from agents import sensors

REACHED, STILL, TIMED_OUT, NO_SENSOR = "reached", "still", "timed-out", "no-sensor"
# A device that has not come closer for this long, by this much, has reached what its surroundings allow.
STILL_S, STILL_C = 60.0, 0.5
_INTERVAL_S = 1.0
# A sensor that is asleep for a reading answers again; one that is silent for this long is gone.
_SILENT_S = 5.0

Temperatures = Dict[str, float]


@dataclass(frozen=True)
class CoolRequest:
    """Wait until every sensor of ``baseline_c`` is within ``within_c`` above it, but no longer than ``at_most_s``."""

    baseline_c: Dict[str, float]
    within_c: float
    at_most_s: float

    def __post_init__(self) -> None:
        if self.within_c <= 0 or self.at_most_s < 0:
            raise ValueError(f"within_c must be > 0 and at_most_s >= 0, got {self.within_c} and {self.at_most_s}")


@dataclass(frozen=True)
class CoolState:
    """One line of the answer; ``outcome`` is empty but in the last one: reached, still (no longer cooling), timed-out,
    no-sensor (none of the baseline's sensors answers).
    """

    waited_s: float
    temperature_c: Dict[str, float] = field(default_factory=dict)
    outcome: str = ""


def excess_c(temperature_c: Temperatures, baseline_c: Temperatures) -> Optional[float]:
    """How far the hottest sensor is above its baseline, in C; None where no sensor is in both."""
    known = [value - baseline_c[name] for name, value in temperature_c.items() if name in baseline_c]
    return max(known) if known else None


def read(root: str) -> Temperatures:
    """All sensors that answer now."""
    values: Temperatures = {}
    for sensor in sensors.temperatures(root)[0]:
        try:
            values[sensor.name] = sensor.read()
        except (OSError, ValueError):
            continue  # Asleep for this second; the others tell.
    return values


def wait(
    request: CoolRequest,
    read_c: Callable[[], Temperatures],
    tell: Callable[[CoolState], None],
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> CoolState:
    """The last state. ``tell`` gets each one but the last: a link that is gone ends the wait there."""
    begin_s = now_s()
    closest_c, closest_s = float("inf"), begin_s
    heard_s = begin_s
    while True:
        temperature_c = read_c()
        now, above_c = now_s(), excess_c(temperature_c, request.baseline_c)
        if above_c is not None:
            heard_s = now
        if above_c is not None and above_c <= closest_c - STILL_C:
            closest_c, closest_s = above_c, now
        outcome = _outcome(request, above_c, now - begin_s, now - closest_s, now - heard_s)
        state = CoolState(now - begin_s, temperature_c, outcome)
        if state.outcome:
            return state
        tell(state)
        sleep(min(_INTERVAL_S, max(0.0, request.at_most_s - (now - begin_s))))


def _outcome(request: CoolRequest, above_c: Optional[float], waited_s: float, still_s: float, silent_s: float) -> str:
    if silent_s >= _SILENT_S:
        return NO_SENSOR
    if above_c is not None and above_c <= request.within_c:
        return REACHED
    if waited_s >= request.at_most_s:
        return TIMED_OUT
    return STILL if still_s >= STILL_S else ""
