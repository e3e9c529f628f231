"""Whether a stream keeps up: does its backlog grow for as long as it runs?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.intervals import mean_interval

# Enough batches for a t interval, and long enough each that a burst and its recovery fall into one.
BATCHES = 16


def backlog_slope(time_s: NDArray[Any], backlog: NDArray[Any], confidence: float = 0.95) -> Interval:
    """Growth of the backlog per second, in the backlog's unit, with its t interval over 16 batches of equal length.

    ``time_s`` and ``backlog`` have shape (n,). The increments of an overloaded queue are those of a random walk with
    drift: their batch means are nearly independent, whereas the backlog itself is not. A queue that drains has
    increments that cancel, so that the interval is wider than it need be: it errs on the side of stable.
    """
    n = len(backlog)
    if n < 2 * BATCHES or len(time_s) != n:
        return not_estimable(f"a backlog slope needs {2 * BATCHES} chunks, there are {n}", n, confidence)
    edges = np.linspace(0, n - 1, BATCHES + 1).round().astype(np.int64)
    seconds = np.diff(np.asarray(time_s, dtype=np.float64)[edges])
    if not (seconds > 0).all():
        raise ValueError("times must increase over the session")
    return mean_interval(np.diff(np.asarray(backlog, dtype=np.float64)[edges]) / seconds, confidence)


def is_unstable(slope: Interval) -> bool:
    """True where the lower confidence bound of the slope is above zero."""
    return slope.low is not None and slope.low > 0.0
