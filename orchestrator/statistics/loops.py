"""A series measured over the same input again and again: does it grow from one loop to the next?

What the input does to the series is the same in every loop, so it cancels; what is left is the system's own memory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.intervals import mean_interval

# Fewer increments give a t interval that says nothing at the confidence of several tensors at once.
FEWEST = 4
# A straight line from zero is 7/3 times as high in its last quarter as in its second, a square 5.4 times.
_FASTER_THAN_LINEAR = 4.0


def loop_means(series: NDArray[Any], per_loop: int) -> NDArray[np.float64]:
    """Mean of each whole loop, shape (loops - 1,): the first one, which begins with a fresh state, is left out."""
    loops = len(series) // per_loop
    whole = np.asarray(series[: loops * per_loop], dtype=np.float64).reshape(loops, per_loop)
    return np.asarray(whole.mean(axis=1)[1:], dtype=np.float64)


def growth_per_loop(means: NDArray[np.float64], confidence: float = 0.95) -> Interval:
    """Mean increment from loop to loop with its t interval.

    Loops follow each other, so their means are autocorrelated: those of a drifting state are a random walk, for which
    a regression line claims a trend where there is none. The walk's increments are independent, which makes the
    interval right there; for a state that forgets, increments cancel and the interval is too wide: it errs on the side
    of no growth.
    """
    n = len(means) - 1
    if n < FEWEST:
        return not_estimable(f"a slope needs {FEWEST + 2} loops, there are {n + 2}", max(n, 0), confidence)
    if not np.isfinite(means).all():
        return not_estimable("the series is not finite", n, confidence)
    return mean_interval(np.diff(means), confidence)


def outgrows_a_line(means: NDArray[np.float64]) -> bool:
    """True for a series that multiplies: its last quarter is far above what a straight line would reach, and every
    loop of its last half is above the one before."""
    quarter = len(means) // 4
    if quarter < 1 or not np.isfinite(means).all() or not (np.diff(means[len(means) // 2 :]) > 0).all():
        return False
    return bool(means[-quarter:].mean() > _FASTER_THAN_LINEAR * means[quarter : 2 * quarter].mean())


def stays_above(series: NDArray[Any], limit: float, hold: int) -> int | None:
    """Index of the first of ``hold`` values in a row that are all above ``limit`` (or not numbers); None: nowhere."""
    above = ~(np.asarray(series, dtype=np.float64) <= limit)
    hold = min(hold, len(above))
    if hold < 1:
        return None
    run = np.cumsum(np.concatenate([[0], above]))
    full = np.flatnonzero(run[hold:] - run[:-hold] == hold)
    return int(full[0]) if len(full) else None
