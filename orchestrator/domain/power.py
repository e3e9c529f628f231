"""Which of a device's power sensors a session's energy comes from, and its readings. One source, never a mixture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.device_facts import SensorCalibration, SensorProbe
from orchestrator.statistics.energy import Energy, energy_of_counter, energy_of_samples

# The whole device first; a rail or a core alone is never the energy of a device.
SCOPES = ("board", "battery", "socket", "soc", "package")
POWER, COUNTER = "power_w", "energy_j"
# Linux Documentation/power/powercap/powercap.rst: one package zone for each socket, and no core is in two of them. Of
# no other meter here is it documented that its channels add up.
_ADDS_UP = ("rapl", "package")
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class PowerSource:
    """``probes``: one channel, or those of one meter that add up. ``others``: those of a whole device or chip that were
    not chosen.
    """

    probes: tuple[SensorProbe, ...]
    others: tuple[str, ...] = ()

    @property
    def first(self) -> SensorProbe:
        return self.probes[0]

    @property
    def name(self) -> str:
        return " + ".join(probe.name for probe in self.probes)

    @property
    def scope(self) -> str:
        return str(self.first.scope)

    @property
    def is_counter(self) -> bool:
        return self.first.quantity == COUNTER

    @property
    def averaged(self) -> bool:
        return self.is_counter or bool(self.first.averaged)

    @property
    def calibration(self) -> SensorCalibration | None:
        return self.first.calibration if len(self.probes) == 1 else None

    def described(self) -> str:
        """What a reader must know beside each number: source, scope, rate, charging, calibrated or not."""
        probe = self.first
        rate = (
            f"at most every {probe.shortest_interval_s:g} s" if probe.shortest_interval_s else "at the sampler's rate"
        )
        charging = {None: "", True: ", charging", False: ", not charging"}[probe.charging]
        kind = "counter" if self.is_counter else "power"
        return (
            f"{self.name} ({kind} of the {self.scope}, {probe.source or 'source not told'}, {rate}{charging}, "
            f"{self.calibrated()})"
        )

    def calibrated(self) -> str:
        found = self.calibration
        if found is not None:
            return f"calibrated against {found.reference} on {found.at_utc[:10]}"
        return "calibrated" if all(probe.calibrated for probe in self.probes) else "not calibrated"


@dataclass(frozen=True)
class Readings:
    """``values`` in W or, of a counter, in J, calibrated; NaN where a reading failed. ``clock_ns``: by how much the
    times may be off as a whole.
    """

    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    clock_ns: int


def choose_source(sensors: Sequence[SensorProbe]) -> PowerSource | str:
    """The source of a device's energy, or why it has none. It follows from what the device has, not from what a session
    happened to read: all sessions on the device have the same one, or none.

    The widest scope counts; within it a calibrated sensor, then a counter, then a meter beside the device.
    """
    usable = [s for s in sensors if s.usable and s.quantity in (POWER, COUNTER)]
    whole = [s for s in usable if s.scope in SCOPES]
    if not whole:
        return _no_source(sensors, usable)
    best = min(whole, key=_preference)
    chosen = _adding_up(best, whole)
    return PowerSource(chosen, tuple(s.name for s in whole if s not in chosen))


def _preference(sensor: SensorProbe) -> tuple[Any, ...]:
    outside = sensor.name.startswith("meter.")
    scope = SCOPES.index(str(sensor.scope))
    return scope, not sensor.calibrated, sensor.quantity != COUNTER, not outside, sensor.name


def _adding_up(best: SensorProbe, whole: Sequence[SensorProbe]) -> tuple[SensorProbe, ...]:
    meter = best.name.split(".")[0]
    if (meter, best.scope) != _ADDS_UP:
        return (best,)
    return tuple(s for s in whole if (s.name.split(".")[0], s.scope, s.quantity) == (*_ADDS_UP, best.quantity))


def _no_source(sensors: Sequence[SensorProbe], usable: Sequence[SensorProbe]) -> str:
    if usable:
        names = ", ".join(s.name for s in usable)
        return f"{names}: parts of the device only, of which nobody documents that they add up to it"
    reasons = [f"{s.name}: {s.reason}" for s in sensors if _of_power(s) and s.reason]
    return "; ".join(reasons) or "no power sensor on this device"


def _of_power(sensor: SensorProbe) -> bool:
    return sensor.quantity in (POWER, COUNTER, "power") or sensor.name.startswith("power")


def energy_between(source: PowerSource, readings: Readings, begin_ns: int, end_ns: int) -> Energy:
    """What the source drew between two moments of its own clock. Raises ValueError for readings that cannot be."""
    energy_of = energy_of_counter if source.is_counter else energy_of_samples
    return energy_of(readings.t_ns, readings.values, begin_ns, end_ns, clock_ns=readings.clock_ns)


def read_source(source: PowerSource, arrays: Arrays) -> Readings | None:
    """What a session read of the source; None where any of its channels gave nothing."""
    found = [_series(probe, arrays) for probe in source.probes]
    known = [series for series in found if series is not None]
    if len(known) < len(found) or any(len(t_ns) != len(known[0][0]) for t_ns, _ in known):
        return None
    t_ns = known[0][0]
    values = np.sum([values for _, values in known], axis=0)
    clock = arrays.get("meter.clock_offset_ns")
    outside = source.name.startswith("meter.") and clock is not None
    return Readings(t_ns, _calibrated(source, t_ns, values), int(clock[1]) if outside and clock is not None else 0)


def _series(probe: SensorProbe, arrays: Arrays) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """As agents/sampler.py names them, and for a meter's channels workflows/metering.py."""
    if probe.name.startswith("meter."):
        names = f"{probe.name}.t_ns", f"{probe.name}.{probe.quantity}"
    else:
        names = f"sample_t_ns__{probe.name.split('.')[0]}", f"sample_{probe.quantity}__{probe.name}"
    t_ns, values = (arrays.get(name) for name in names)
    if t_ns is None or values is None or len(t_ns) != len(values):
        return None
    return np.asarray(t_ns, dtype=np.int64), np.asarray(values, dtype=np.float64)


def _calibrated(source: PowerSource, t_ns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    line = source.calibration
    if line is None or not len(t_ns):
        return values
    offset = line.offset_w * ((t_ns - t_ns[0]) / 1e9 if source.is_counter else 1.0)
    return np.asarray(line.slope * values + offset, dtype=np.float64)


def beyond_calibration(source: PowerSource, power_w: float) -> str | None:
    """Where a mean power (as calibrated) lies outside of what the calibration saw by more than a tenth: in words."""
    line = source.calibration
    if line is None or not math.isfinite(power_w):
        return None
    low_w, high_w = (line.slope * w + line.offset_w for w in (line.from_w, line.to_w))
    room_w = 0.1 * (high_w - low_w)
    if low_w - room_w <= power_w <= high_w + room_w:
        return None
    return f"outside of what was calibrated ({low_w:.3g} to {high_w:.3g} W)"
