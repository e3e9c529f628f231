"""Synthetic sessions with a power sensor beside them, whose energy is known. Nothing here was measured."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.device_facts import SensorProbe
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.session import IDLE, Session
from tests.sessions import candidate, paced_times, session

S = 1_000_000_000
IDLE_W = 2.0
BOARD = SensorProbe("ina3221.VDD_IN", "power_w", True, "board", source="INA3221", shortest_interval_s=0.0)
PACKAGE = SensorProbe("rapl.0.package-0", "energy_j", True, "package", source="RAPL powercap", shortest_interval_s=0.0)
PowerW = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def busy_power(times: NDArray[np.int64], busy_w: float, idle_w: float = IDLE_W) -> PowerW:
    """``busy_w`` more while a chunk is computed."""
    issue, done = times[:, wire.ISSUE] / S, times[:, wire.DONE] / S

    def power_w(t: NDArray[np.float64]) -> NDArray[np.float64]:
        number = np.searchsorted(issue, t, side="right") - 1
        busy = (number >= 0) & (t < done[np.clip(number, 0, None)])
        return idle_w + busy_w * busy

    return power_w


def with_sensor(of: Session, t_ns: NDArray[np.int64], values: NDArray[np.float64], probe: SensorProbe) -> Session:
    """The session with the sensor's series and its probe; a counter's ``values`` are J."""
    arrays = dict(of.arrays)
    if probe.name.startswith("meter."):
        arrays |= {f"{probe.name}.t_ns": t_ns, f"{probe.name}.{probe.quantity}": values}
    else:
        arrays |= {f"sample_t_ns__{probe.name.split('.')[0]}": t_ns, f"sample_{probe.quantity}__{probe.name}": values}
    seen = replace(of.environment.probe, sensors=(*of.environment.probe.sensors, probe))
    result = replace(of.result, sensors_absent={})
    return replace(of, arrays=arrays, result=result, environment=replace(of.environment, probe=seen))


def sampled(of: Session, power_w: PowerW, *, probe: SensorProbe = BOARD, hz: float = 10.0, seed: int = 0) -> Session:
    """As the agent's sampler would: from a second before the first chunk to a second after the last one, jittered."""
    times = of.arrays["t_ns"]
    begin_s, end_s = times.min() / S - 1.0, times.max() / S + 1.0
    steps = np.random.default_rng(seed).uniform(0.5, 1.5, int((end_s - begin_s) * hz * 2)) / hz
    at_s = begin_s + np.cumsum(steps)
    at_s = at_s[at_s < end_s]
    values = power_w(at_s)
    if probe.quantity == "energy_j":
        fine_s = np.linspace(begin_s, end_s, 200_000)
        counted_j = np.cumsum(power_w(fine_s)) * (fine_s[1] - fine_s[0])
        values = np.interp(at_s, fine_s, counted_j)
    return with_sensor(of, np.round(at_s * S).astype(np.int64), values, probe)


def idle_candidate() -> Candidate:
    return replace(candidate(), runtime="echo", provider="echo")


def idle_session(block: int = 0, *, idle_w: float = IDLE_W, probe: SensorProbe = BOARD, chunks: int = 800) -> Session:
    """The device with the pacer running and no model."""
    times = paced_times(np.full(chunks, 10_000, dtype=np.int64))
    of = session(idle_candidate(), IDLE, block, chunks=chunks)
    of.arrays["t_ns"] = times
    return sampled(of, lambda t: np.full(len(t), idle_w), probe=probe, seed=1000 + block)
