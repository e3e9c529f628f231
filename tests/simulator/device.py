"""A device whose time passes only while it waits or computes; it is the clock of its own sessions."""

from collections.abc import Callable

from tests.simulator.power import Draw, Stretch, Trace
from tests.simulator.thermal import Cooling, Heat

S = 1_000_000_000
FULL_CLOCK_HZ = 2_000_000_000
# Slowness of the device at a moment of its time in s: 1.05 makes everything take 5 % longer.
Drift = Callable[[float], float]


def linear(share: float, over_s: float) -> Drift:
    """Slower by ``share`` at the end of ``over_s``, in a straight line, and no further."""
    return lambda at_s: 1.0 + share * min(1.0, at_s / over_s)


class SimulatedDevice:
    """Satisfies ``agents.clock.Clock``. Costs are those at the full clock of the device as it is at time 0.

    ``wake_late_ns`` of the k-th wait: how late it ends. ``clock_step_s`` is added to the time of day from
    ``step_at_ns`` on; the monotonic clock knows nothing of it. Without ``cooling`` it has no temperature, without
    ``draw`` no power.
    """

    def __init__(
        self,
        *,
        drift: Drift | None = None,
        cooling: Cooling | None = None,
        draw: Draw | None = None,
        wake_late_ns: Callable[[int], int] | None = None,
        start_ns: int = S,
    ) -> None:
        self.time_ns = self.start_ns = start_ns
        self.draw = draw
        self.heat = Heat(cooling) if cooling else None
        self.trace = Trace(self._stretch(busy=False)) if draw or cooling else None
        self.waits = 0
        self.clock_step_s, self.step_at_ns = 0.0, start_ns
        self._drift, self._wake_late_ns = drift, wake_late_ns
        self.now_ns: Callable[[], int] = lambda: self.time_ns
        self.cpu_ns: Callable[[], int] = lambda: 0

    @property
    def clock_share(self) -> float:
        return self.heat.clock_share if self.heat else 1.0

    def wall_s(self) -> float:
        """The time of day, which anybody may set."""
        step_s = self.clock_step_s if self.time_ns > self.step_at_ns else 0.0
        return 1.7e9 + self.time_ns / S + step_s

    def wait_until(self, deadline_ns: int, spin_ns: int) -> None:
        """Asleep, then spinning for so long, which draws power as computing does."""
        if deadline_ns <= self.time_ns or not 0 <= spin_ns <= 500_000:
            raise ValueError(f"a wait ends ahead of {self.time_ns} ns, spins 0.5 ms at most: {deadline_ns}, {spin_ns}")
        late_ns = self._wake_late_ns(self.waits) if self._wake_late_ns else 0
        self.waits += 1
        self._pass(max(0, deadline_ns - spin_ns - self.time_ns), busy=False)
        self._pass(deadline_ns - self.time_ns + late_ns, busy=True)

    def compute(self, cost_ns: int) -> None:
        """Work that takes so long at the full clock of a fresh device."""
        slowness = self._drift((self.time_ns - self.start_ns) / S) if self._drift else 1.0
        self._pass(round(cost_ns * slowness / self.clock_share), busy=True)

    def rest(self, seconds: float) -> None:
        """Nothing runs."""
        self._pass(round(seconds * S), busy=False)

    def _pass(self, duration_ns: int, *, busy: bool) -> None:
        """Stretches are short against the device's time constant; its clock may change at the end of one."""
        if self.trace and duration_ns:
            stretch = self._stretch(busy)
            self.trace.append(stretch)
            if self.heat:
                self.heat.advance(stretch.power_w, duration_ns / S)
        self.time_ns += duration_ns

    def _stretch(self, busy: bool) -> Stretch:
        power_w = self.draw.power_w(busy, self.clock_share) if self.draw else 0.0
        return Stretch(self.time_ns, power_w, self.heat.temperature_c if self.heat else 0.0, self.clock_share)
