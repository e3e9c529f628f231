"""A meter's accumulating counter, as energy since the first reading."""

import time
from collections.abc import Callable


class EnergyCounter:
    """Takes the counter's values. One that fell, or rose faster than ``most_w`` allows, was reset or is another one:
    it says nothing any more, because what it counted before is lost.
    """

    def __init__(self, most_w: float, resolution_j: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._most_w, self._resolution_j, self._now_s = most_w, resolution_j, now_s
        self._first_j: float | None = None
        self._last_j = 0.0
        self._last_s = 0.0
        self._lost = False

    def advance(self, energy_j: float) -> float:
        """J since the first reading. Raises ValueError once the counter cannot be trusted."""
        now_s = self._now_s()
        if self._first_j is None:
            self._first_j = self._last_j = energy_j
        step_j = energy_j - self._last_j
        # A meter adds to its counter only now and then: a step may stand for some seconds before it.
        most_j = self._most_w * (now_s - self._last_s + 60.0) + self._resolution_j
        self._lost = self._lost or not -1e-6 <= step_j <= most_j
        if self._lost:
            raise ValueError(f"the energy counter went from {self._last_j:g} to {energy_j:g} J: it was reset")
        self._last_j, self._last_s = energy_j, now_s
        return energy_j - self._first_j
