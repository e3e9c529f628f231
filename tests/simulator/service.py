"""What the chunks of one process cost at a device's full clock."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]
MS = 1_000_000


def autoregressive(rng: np.random.Generator, runs: int, n: int, correlation: float) -> Floats:
    """AR(1) with variance 1, shape (runs, n), started in its stationary state."""
    noise = rng.standard_normal((n, runs))
    if correlation == 0:
        return np.ascontiguousarray(noise.T)
    noise[1:] *= np.sqrt(1.0 - correlation**2)
    for i in range(1, n):
        noise[i] += correlation * noise[i - 1]
    return np.ascontiguousarray(noise.T)


@dataclass(frozen=True)
class Service:
    """``median_ms`` of a warm chunk in an ordinary process without stalls.

    Logarithms of chunks wander by ``noise`` as AR(1) with ``correlation``, those of processes by ``process_noise``;
    ``slow_share`` of the processes are slower by ``slow_factor`` throughout (small cores, bad alignment). The first
    chunk costs ``1 + warm_up`` times as much, and that decays with ``warm_up_chunks``. Every ``stall_every``-th chunk,
    from the middle of that on, takes ``stall_ms`` longer.
    """

    median_ms: float
    noise: float = 0.03
    correlation: float = 0.0
    process_noise: float = 0.0
    slow_share: float = 0.0
    slow_factor: float = 1.25
    warm_up: float = 0.0
    warm_up_chunks: float = 40.0
    stall_ms: float = 0.0
    stall_every: int = 0

    def __post_init__(self) -> None:
        if not (self.median_ms > 0 and 0 <= self.correlation < 1 and 0 <= self.slow_share <= 1):
            raise ValueError(f"a service time must be > 0, a correlation in 0..1, a share in 0..1, got {self}")
        if self.stall_ms and self.stall_every < 1:
            raise ValueError(f"stalls come every so many chunks, got {self.stall_every}")

    def process_ms(self, rng: np.random.Generator) -> float:
        """The median of one fresh process."""
        slow = self.slow_factor if rng.random() < self.slow_share else 1.0
        return self.median_ms * slow * float(np.exp(self.process_noise * rng.standard_normal()))

    def costs_ns(self, rng: np.random.Generator, chunks: int) -> Int64:
        """Of one fresh process, shape (chunks,)."""
        level_ms = self.process_ms(rng)
        cost_ms = level_ms * np.exp(self.noise * autoregressive(rng, 1, chunks, self.correlation)[0])
        if self.warm_up:
            cost_ms *= 1.0 + self.warm_up * np.exp(-np.arange(chunks) / self.warm_up_chunks)
        if self.stall_ms:
            cost_ms[self.stall_every // 2 :: self.stall_every] += self.stall_ms
        return np.asarray(np.maximum(1, cost_ms * MS), dtype=np.int64)


def latency_ns(costs_ns: Int64, chunk_ns: int) -> Int64:
    """What a listener waits for each chunk, in closed form: Lindley's recursion of a queue with one server.

    Chunk k arrives at (k + 1) C and is served in turn; nothing but the chunks takes time.
    """
    arrival = chunk_ns * np.arange(1, len(costs_ns) + 1, dtype=np.int64)
    total = np.cumsum(costs_ns)
    done = total + np.maximum.accumulate(arrival - (total - costs_ns))
    return np.asarray(done - arrival, dtype=np.int64)
