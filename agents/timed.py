"""A measured loop and what it leaves: raw times, what was decoded, what the loop itself cost.

Times go to a preallocated array of shape (chunks, 5), columns ``wire.TIME_COLUMNS``.
"""

import gc
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.clock import Clock
from agents.stages import Stages

WIDTH = len(wire.TIME_COLUMNS)


@dataclass(frozen=True)
class LoopCost:
    """``harness_ns``: time that the loop itself took between the stages (CPU time in a paced loop).

    ``per_chunk_ns``: its median per chunk, in a flat-out loop.
    """

    harness_ns: int
    per_chunk_ns: Optional[int]


@dataclass(frozen=True)
class TimedRun:
    """``decoded``: of each stream. ``final_t_ns`` int64, shape (2,): when the last chunk was there (arrival, or issue
    flat-out), and when the decoder's final events were. ``process_cpu_s`` and ``wall_s`` cover the loop.
    """

    decoded: Tuple[Any, ...]
    final_t_ns: NDArray[np.int64]
    cost: LoopCost
    process_cpu_s: float
    wall_s: float


def timed(
    stages: Sequence[Stages],
    times: NDArray[np.int64],
    last: int,
    clock: Clock,
    begin: Callable[[], Sequence[int]],
    run: Callable[[Sequence[int]], LoopCost],
) -> TimedRun:
    """``run`` from ``begin`` on, with fresh streams and the garbage collector off.

    ``last``: the column of ``times`` that says when the last chunk was there.
    """
    for each in stages:
        each.reset()
    gc.collect()
    gc.disable()
    try:
        starts_ns = begin()
        cpu_s, started_ns = time.process_time(), clock.now_ns()
        cost = run(starts_ns)
        decoded = tuple(each.finish() for each in stages)
        ended_ns = clock.now_ns()
        cpu_s = time.process_time() - cpu_s
    finally:
        gc.enable()
    final_t_ns = np.array([times[:, -1, last].max(), ended_ns], dtype=np.int64)
    return TimedRun(decoded, final_t_ns, cost, cpu_s, (ended_ns - started_ns) / 1e9)


def new_times(chunk_count: int) -> NDArray[np.int64]:
    """The array of times, every page touched, so that the loop takes no page fault for it."""
    times = np.empty((chunk_count, WIDTH), dtype=np.int64)
    times.fill(0)
    return times


def cells_of(times: NDArray[np.int64]) -> memoryview:
    """The array as flat cells: a store costs a third of one through numpy."""
    return times.reshape(-1).data
