"""Loads whose energy is known exactly, and the moments at which a sensor would look at them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Waveform:
    """``power_w`` of a moment in s, and ``energy_j`` from 0 to it."""

    name: str
    power_w: Callable[[Float64], Float64]
    energy_j: Callable[[Float64], Float64]


def bursts(period_s: float, busy_share: float, idle_w: float = 2.0, busy_w: float = 6.0) -> Waveform:
    """Each period begins with ``busy_share`` of it at ``busy_w``: a chunk is computed, then the device waits."""

    def power_w(t: Float64) -> Float64:
        return np.where(np.mod(t, period_s) < busy_share * period_s, busy_w, idle_w)

    def energy_j(t: Float64) -> Float64:
        whole, rest = np.divmod(t, period_s)
        busy_s = busy_share * period_s * whole + np.minimum(rest, busy_share * period_s)
        return idle_w * t + (busy_w - idle_w) * busy_s

    return Waveform(f"bursts of {100 * busy_share:g} %", power_w, energy_j)


def square(period_s: float) -> Waveform:
    return bursts(period_s, 0.5)


def sine(period_s: float, mean_w: float = 4.0, swing_w: float = 2.0) -> Waveform:
    turn = 2 * np.pi / period_s
    return Waveform(
        "sine",
        lambda t: mean_w + swing_w * np.sin(turn * t),
        lambda t: mean_w * t + swing_w * (1 - np.cos(turn * t)) / turn,
    )


def jittered_ns(hz: float, seconds: float, seed: int, shortest: float = 0.5, longest: float = 1.5) -> Int64:
    """As agents/sampler.py does: uniform in 0.5..1.5 of 1/hz, from a little before 0 to a little after the end."""
    steps = np.random.default_rng(seed).uniform(shortest, longest, int(hz * seconds * 1.2) + 20) / hz
    t = np.cumsum(steps) - 2.0 / hz
    return np.round(t[t <= seconds + 2.0 / hz] * 1e9).astype(np.int64)


def fixed_ns(hz: float, seconds: float, phase_s: float = 0.0) -> Int64:
    count = int(hz * seconds) + 4
    return np.round((phase_s + np.arange(-2, count - 2) / hz) * 1e9).astype(np.int64)
