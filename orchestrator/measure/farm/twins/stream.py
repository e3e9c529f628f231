"""What a session on a twin leaves: times of its chunks, the sampler's series, how warm it became. Closed form, because
a farm asks for a hundred of them in a second.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.measure.farm.twins.body import Twin

# Start of the process, imports and load, and the way there and back, of the fastest kind; times its slowness.
START_S = 0.8
_SAMPLER_HZ = 10.0
# Logarithms of chunks and of processes wander by so much; the first chunk costs twice a warm one.
_NOISE, _PROCESS_NOISE, _WARM_UP, _WARM_UP_CHUNKS = 0.04, 0.012, 1.0, 20.0
# A chunk is issued so long after it has come, and that varies.
_LATE_NS, _LATE_NOISE_NS = 60_000, 25_000
FULL_CLOCK_HZ = 2e9

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Workload:
    """``service_ms`` of a warm chunk on a device of slowness 1."""

    service_ms: float
    chunk_ms: float
    chunks: int

    def __post_init__(self) -> None:
        if not (self.service_ms > 0 and self.chunk_ms > 0 and self.chunks > 0):
            raise ValueError(f"a workload takes time, got {self}")


@dataclass(frozen=True)
class Streamed:
    """``duration_s``: with start and load. Temperatures in C; ``throttled``: before it ended."""

    arrays: Arrays
    duration_s: float
    before_c: float
    after_c: float
    throttled: bool


def streamed(twin: Twin, work: Workload, from_c: float, rng: np.random.Generator) -> Streamed:
    """A paced session that begins on a device so warm."""
    start_s = START_S * twin.slowness * float(np.exp(0.1 * rng.standard_normal()))
    costs_ns = _costs_ns(twin, work, rng)
    power_w = twin.kind.idle_w + twin.kind.busy_w * min(1.0, float(costs_ns.mean()) / (work.chunk_ms * 1e6))
    hot_s = twin.seconds_to_trip(from_c, power_w)
    hot = np.arange(work.chunks) * work.chunk_ms / 1e3 >= hot_s
    times = _times(np.where(hot, costs_ns / twin.kind.slowed, costs_ns).astype(np.int64), work, rng)
    duration_s = start_s + float(times[-1, -1]) / 1e9
    after_c = twin.after_c(from_c, power_w, duration_s)
    arrays: Arrays = {"t_ns": times, "final_t_ns": times[-1, -1] + np.array([0, 80_000], dtype=np.int64)}
    arrays |= _sampled(twin, from_c, power_w, duration_s, hot_s, rng)
    return Streamed(arrays, duration_s, from_c, after_c, bool(hot.any()))


def _costs_ns(twin: Twin, work: Workload, rng: np.random.Generator) -> NDArray[np.float64]:
    level_ns = 1e6 * work.service_ms * twin.slowness * float(np.exp(_PROCESS_NOISE * rng.standard_normal()))
    warm_up = 1.0 + _WARM_UP * np.exp(-np.arange(work.chunks) / _WARM_UP_CHUNKS)
    return np.asarray(level_ns * warm_up * np.exp(_NOISE * rng.standard_normal(work.chunks)))


def _times(costs_ns: NDArray[np.int64], work: Workload, rng: np.random.Generator) -> NDArray[np.int64]:
    """``t_ns`` of ``agents.wire``, by Lindley's recursion: chunk k arrives at (k + 1) C and is served in turn."""
    late_ns = np.abs(_LATE_NS + _LATE_NOISE_NS * rng.standard_normal(work.chunks)).astype(np.int64)
    arrival = round(work.chunk_ms * 1e6) * np.arange(1, work.chunks + 1, dtype=np.int64)
    taken = costs_ns + late_ns
    total = np.cumsum(taken)
    done = total + np.maximum.accumulate(arrival - (total - taken))
    issue = done - costs_ns
    decode = costs_ns // 100 + rng.integers(0, 400, work.chunks)
    return np.stack([arrival, issue, issue + costs_ns // 10, done - decode, done], axis=1).astype(np.int64)


def _sampled(
    twin: Twin, from_c: float, power_w: float, duration_s: float, hot_s: float, rng: np.random.Generator
) -> Arrays:
    """The series of an agent's sampler (agents/sampler.py), its rate jittered between a half and one and a half."""
    at_s = np.cumsum(rng.uniform(0.5, 1.5, int(duration_s * _SAMPLER_HZ)) / _SAMPLER_HZ)
    steady_c, count = twin.steady_c(power_w), len(at_s)
    at_ns = (at_s * 1e9).astype(np.int64)
    warmth_c = steady_c + (from_c - steady_c) * np.exp(-at_s / twin.kind.time_constant_s)
    return {
        "sample_t_ns": at_ns,
        "sample_temperature_c__soc": np.round(warmth_c, 1),
        "sample_frequency_hz__policy0": np.where(at_s >= hot_s, twin.kind.slowed, 1.0) * FULL_CLOCK_HZ,
        "sample_rss_bytes": 60e6 + 4096.0 * rng.integers(0, 40, count),
        "sample_memory_available_bytes": 3e9 - 4096.0 * rng.integers(0, 4000, count),
        "sample_t_ns__board": at_ns,
        "sample_power_w__board": np.round(power_w + 0.05 * rng.standard_normal(count), 3),
    }
