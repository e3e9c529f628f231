"""A meter of the lab beside a session: its series on the device's clock, and the reason where there is none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.device_facts import DeviceProbe, SensorProbe
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.arrays import Arrays
from orchestrator.measure.lab.device import Device
from orchestrator.measure.meters.alignment import ClockOffset, align, more_bounds
from orchestrator.measure.meters.base import MeterOptions
from orchestrator.measure.meters.registry import meter_options
from orchestrator.measure.meters.watch import MeterSeries, MeterWatch

# int64, shape (2,): this machine's monotonic clock minus the device's in ns, and by how much that may be wrong.
OFFSET_ARRAY = "meter.clock_offset_ns"
# A device that restarts between two questions starts its clock anew.
_MOST_UNCERTAIN_NS = 1_000_000_000
Measured = tuple[wire.RunResult, Arrays]


def meter_of(device: Device) -> MeterOptions | None:
    """What lab.toml says about the device's meter; None where it says nothing. Raises BadInput."""
    return None if device.meter is None else meter_options(device.name, device.meter)


def with_meter(probe: DeviceProbe, options: MeterOptions | None) -> DeviceProbe:
    """The probe with the meter's channels among its sensors."""
    if options is None:
        return probe
    return replace(probe, sensors=(*probe.sensors, *meter_probes(options)))


def meter_probes(options: MeterOptions) -> tuple[SensorProbe, ...]:
    """What is known of the meter without asking it."""
    return tuple(
        SensorProbe(
            name=f"meter.{channel.name}",
            quantity=channel.quantity,
            usable=True,
            scope=channel.scope,
            source=options.source,
            shortest_interval_s=options.interval_s,
            calibrated=options.calibrated,
            averaged=options.averages,
        )
        for channel in options.channels()
    )


def measure_with(
    options: MeterOptions | None, agent: DeployedAgent, measure: Callable[[], Measured], *, seed: int = 0
) -> Measured:
    """``measure`` with the meter read beside it. Whatever befalls the meter, the session goes on."""
    if options is None:
        return measure()
    bounds = more_bounds(agent.transport, agent.python)
    watch = MeterWatch(options, seed=seed)
    watch.start()
    try:
        result, arrays = measure()
    finally:
        series = watch.stop()
    bounds += more_bounds(agent.transport, agent.python)
    if not bounds:
        return _absent(result, series, f"the clock of {agent.name} could not be read"), arrays
    offset = align(bounds)
    if offset.uncertainty_ns > _MOST_UNCERTAIN_NS:
        return _absent(result, series, f"the clock of {agent.name} is not known to a second: was it restarted?"), arrays
    return _added(result, arrays, series, offset)


def _absent(result: wire.RunResult, series: tuple[MeterSeries, ...], reason: str) -> wire.RunResult:
    reasons = {f"power.meter.{one.channel.name}": reason for one in series}
    return replace(result, sensors_absent={**result.sensors_absent, **reasons})


def _added(result: wire.RunResult, arrays: Arrays, series: tuple[MeterSeries, ...], offset: ClockOffset) -> Measured:
    """Arrays ``meter.<channel>.t_ns`` (int64, the device's clock) and ``meter.<channel>.<quantity>`` (float64, NaN in
    gaps) of each channel that was read while the session streamed.
    """
    added = dict(arrays)
    absent = dict(result.sensors_absent)
    for one in series:
        name, t_ns = f"meter.{one.channel.name}", one.t_ns - offset.offset_ns
        if one.reason is not None:
            absent[f"power.{name}"] = one.reason
        if _read_within(t_ns, one.values, arrays):
            added[f"{name}.t_ns"] = t_ns
            added[f"{name}.{one.channel.quantity}"] = one.values
            added[OFFSET_ARRAY] = np.array([offset.offset_ns, offset.uncertainty_ns], dtype=np.int64)
        else:
            absent.setdefault(f"power.{name}", "gave no reading between the first chunk and the last one")
    return replace(result, sensors_absent=absent), added


def _read_within(t_ns: NDArray[np.int64], values: NDArray[np.float64], arrays: Arrays) -> bool:
    """A session may have streamed while nobody watched: before this controller was started, or before the meter was."""
    if "t_ns" not in arrays or not arrays["t_ns"].size:
        return False
    streamed = arrays["t_ns"]
    inside = (t_ns >= streamed.min()) & (t_ns <= streamed.max())
    return bool(np.isfinite(values[inside]).any())
