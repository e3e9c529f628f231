"""Where a series of readings says nothing: a reading that failed, a rate that broke off, a sensor that vanished."""

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

# An interval this many times the median one is a gap. The sampler's jitter reaches 1.5 (agents/sampler.py); a busy
# board adds about as much again.
GAP_FACTOR = 4.0


def longest_step(t: Int64 | Float64) -> float:
    """The longest interval between two readings that is no gap, in the unit of ``t``, which has two at least."""
    return GAP_FACTOR * float(np.median(np.diff(t)))


def known_steps(t: Int64 | Float64, values: Float64) -> NDArray[np.bool_]:
    """Of each interval between two readings in a row, whether both are there (not NaN) and it is no gap; (n - 1,)."""
    if len(t) < 2:
        return np.zeros(0, dtype=np.bool_)
    steps = np.diff(t)
    both = np.isfinite(values[:-1]) & np.isfinite(values[1:])
    return np.asarray(both & (steps > 0) & (steps <= longest_step(t)), dtype=np.bool_)


def gaps(t_ns: Int64, values: Float64, begin_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """The stretches of a window that no two readings enclose, as (begin, end) in ns, in order.

    A last reading shortly before the window's end, or a first one shortly after its begin, leaves no gap: the series
    need not begin and end with it. Raises ValueError for times that run backwards.
    """
    if (np.diff(t_ns) < 0).any():
        raise ValueError("the times of readings must not run backwards")
    known = known_steps(t_ns, values)
    left, right = np.clip(t_ns[:-1][known], begin_ns, end_ns), np.clip(t_ns[1:][known], begin_ns, end_ns)
    some = right > left
    if not some.any():
        return [(begin_ns, end_ns)]
    edges = [begin_ns, *np.column_stack([left[some], right[some]]).reshape(-1).tolist(), end_ns]
    open_ns = [(edges[k], edges[k + 1]) for k in range(0, len(edges), 2) if edges[k] < edges[k + 1]]
    short = longest_step(t_ns)
    return [(a, b) for a, b in open_ns if (a > begin_ns and b < end_ns) or b - a > short]


def parts(t: Int64 | Float64, values: Float64) -> NDArray[np.int64]:
    """The number of the unbroken part that each reading belongs to, from 0, shape (n,); a failed one is in none: -1."""
    there = np.isfinite(values)
    breaks = np.concatenate([[False], ~known_steps(t, values)])[: len(t)]
    number = np.full(len(t), -1, dtype=np.int64)
    number[there] = np.unique(np.cumsum(breaks)[there], return_inverse=True)[1]
    return number
