"""What a device draws, kept as it was drawn, so that its energy between two moments is known exactly."""

from bisect import bisect_right
from dataclasses import dataclass

S = 1_000_000_000


@dataclass(frozen=True)
class Draw:
    """``idle_w`` always, and ``busy_w`` more while it computes at its full clock.

    At a lower clock the voltage falls with it, so that the dynamic power goes with the cube (f V^2).
    """

    idle_w: float = 2.0
    busy_w: float = 4.0

    def power_w(self, busy: bool, clock_share: float) -> float:
        return self.idle_w + (self.busy_w * clock_share**3 if busy else 0.0)


@dataclass(frozen=True)
class Stretch:
    """From ``begin_ns`` on, until the next one begins."""

    begin_ns: int
    power_w: float
    temperature_c: float
    clock_share: float


class Trace:
    """What a device did. The last stretch goes on for ever."""

    def __init__(self, first: Stretch) -> None:
        self._stretches, self._begins_ns, self._counted_j = [first], [first.begin_ns], [0.0]

    def append(self, stretch: Stretch) -> None:
        self._counted_j.append(self.counted_j(stretch.begin_ns))
        self._stretches.append(stretch)
        self._begins_ns.append(stretch.begin_ns)

    def at(self, t_ns: int) -> Stretch:
        """Before the first one: as in the first one."""
        return self._stretches[self._number(t_ns)]

    def energy_j(self, begin_ns: int, end_ns: int) -> float:
        """Drawn between the two moments, exactly."""
        return self.counted_j(end_ns) - self.counted_j(begin_ns)

    def counted_j(self, t_ns: int) -> float:
        """Since the first stretch began, as an accumulator counts it; never below zero."""
        number = self._number(t_ns)
        more_s = max(0, t_ns - self._begins_ns[number]) / S
        return self._counted_j[number] + self._stretches[number].power_w * more_s

    def _number(self, t_ns: int) -> int:
        return max(0, bisect_right(self._begins_ns, t_ns) - 1)
