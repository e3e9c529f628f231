"""Intervals over independent runs, and ratios between two sets of runs.

Chunks of one run are autocorrelated; a run (one process) is the unit of replication. Everything here takes one value
per run.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics import students_t
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.percentiles import ranks

Values = Sequence[float] | NDArray[Any]


def mean_interval(runs: Values, confidence: float = 0.95) -> Interval:
    """Mean of run-level values with its t interval; with one run the mean alone, with none not estimable."""
    values = _finite(runs)
    n = len(values)
    if n == 0:
        return not_estimable("there are no runs", 0, confidence)
    mean = float(values.mean())
    if n == 1:
        return Interval(mean, None, None, 1, confidence, "one run has no interval")
    half = _half_width(values, confidence)
    return Interval(mean, mean - half, mean + half, n, confidence)


def median_interval(runs: Values, confidence: float = 0.95) -> Interval:
    """Median of run-level values with its order-statistics interval, for runs with outliers; 95 % needs six runs."""
    values = np.sort(_finite(runs))
    n = len(values)
    if n == 0:
        return not_estimable("there are no runs", 0, confidence)
    median = float(np.median(values))
    found = ranks(n, 0.5, confidence)
    if found is None:
        return Interval(median, None, None, n, confidence, f"{n} runs are too few for an interval of their median")
    return Interval(median, float(values[found[0] - 1]), float(values[found[2] - 1]), n, confidence)


def ratio_paired(numerator: Values, denominator: Values, confidence: float = 0.95) -> Interval:
    """Geometric mean of numerator_i / denominator_i with the t interval of the log ratios; pairs share a block.

    What a block has in common (drift, temperature, background load) cancels. All values must be > 0: ValueError.
    """
    above, below = _logs(numerator), _logs(denominator)
    if len(above) != len(below):
        raise ValueError(f"pairs need as many numerators as denominators, got {len(above)} and {len(below)}")
    return _exponential(mean_interval(above - below, confidence))


def ratio_unpaired(numerator: Values, denominator: Values, confidence: float = 0.95) -> Interval:
    """Ratio of geometric means with Welch's t interval on the logs; ``n`` is the smaller number of runs.

    All values must be > 0: ValueError.
    """
    above, below = _logs(numerator), _logs(denominator)
    n = min(len(above), len(below))
    if n == 0:
        return not_estimable("there are no runs on one side of the ratio", 0, confidence)
    difference = float(above.mean() - below.mean())
    if n == 1:
        return Interval(math.exp(difference), None, None, 1, confidence, "one run on a side has no interval")
    half = _welch_half_width(above, below, confidence)
    return _exponential(Interval(difference, difference - half, difference + half, n, confidence))


def prediction_interval(mean: Interval, new_runs: int, confidence: float = 0.95) -> Interval:
    """Where the mean of ``new_runs`` further runs lies, given the t interval of the mean of the first n.

    mean +- t(n-1) s sqrt(1/n + 1/m); s is recovered from the interval. Not estimable where that has no ends.
    """
    if new_runs < 1:
        raise ValueError(f"new_runs must be > 0, got {new_runs}")
    if mean.value is None or mean.low is None or mean.high is None or mean.n < 2:
        return not_estimable("fewer than two runs predict nothing", mean.n, confidence)
    old_half = (mean.high - mean.low) / 2.0
    deviation = old_half * math.sqrt(mean.n) / students_t.quantile(0.5 + mean.confidence / 2.0, mean.n - 1)
    half = students_t.quantile(0.5 + confidence / 2.0, mean.n - 1) * deviation * math.sqrt(1 / mean.n + 1 / new_runs)
    return Interval(mean.value, mean.value - half, mean.value + half, mean.n, confidence)


def _half_width(values: NDArray[np.float64], confidence: float) -> float:
    n = len(values)
    return students_t.quantile(0.5 + confidence / 2.0, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)


def _welch_half_width(a: NDArray[np.float64], b: NDArray[np.float64], confidence: float) -> float:
    part_a, part_b = float(a.var(ddof=1)) / len(a), float(b.var(ddof=1)) / len(b)
    total = part_a + part_b
    if total == 0.0:
        return 0.0
    freedom = total**2 / (part_a**2 / (len(a) - 1) + part_b**2 / (len(b) - 1))
    # Rounded down: a little wider, and the quantile's cache is hit.
    return students_t.quantile(0.5 + confidence / 2.0, math.floor(freedom * 100) / 100) * math.sqrt(total)


def _exponential(logs: Interval) -> Interval:
    value, low, high = (None if x is None else math.exp(min(x, 700.0)) for x in (logs.value, logs.low, logs.high))
    return Interval(value, low, high, logs.n, logs.confidence, logs.reason)


def _finite(runs: Values) -> NDArray[np.float64]:
    values = np.asarray(runs, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"run-level values must be a flat list of finite numbers, got {runs!r}")
    return values


def _logs(runs: Values) -> NDArray[np.float64]:
    values = _finite(runs)
    if (values <= 0).any():
        raise ValueError(f"a ratio needs values > 0, got {values.min()}")
    return np.log(values)
