"""Percentiles with distribution-free intervals by order statistics, or "not estimable".

The number of values below the true quantile q is binomial (n, q), whatever the distribution, so that two order
statistics enclose the quantile with a probability that only depends on their ranks (Hahn & Meeker, Statistical
Intervals, chapter 5). The interval is exact for independent values. Chunks of one run are not independent: use it
within a run as a description, and intervals over runs to compare.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.interval import Interval, not_estimable

QUANTILES = (0.5, 0.9, 0.99, 0.999)

# A percentile is shown when its 99 % upper bound is not the maximum, so that one stall cannot set it alone.
SHOWN_EXCEEDANCES = 1
SHOWN_CONFIDENCE = 0.99


@functools.cache
def minimum_n(quantile: float, exceedances: int = SHOWN_EXCEEDANCES, confidence: float = SHOWN_CONFIDENCE) -> int:
    """Smallest n whose order statistic number n - ``exceedances`` is an upper bound of the quantile at ``confidence``.

    That is the smallest n with P(at most ``exceedances`` of n values lie above the quantile) <= 1 - confidence.
    For p90 / p99 / p99.9 at 99 %: 44 / 459 / 4603 with none, 64 / 662 / 6636 with one. Below the median the same
    holds mirrored.
    """
    if not 0.0 < quantile < 1.0 or exceedances < 0:
        raise ValueError(f"0 < quantile < 1 and exceedances >= 0 must hold, got {quantile}, {exceedances}")
    above = min(quantile, 1.0 - quantile)
    low, high = exceedances, exceedances + 1
    while _at_most(exceedances, high, above) > 1.0 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _at_most(exceedances, middle, above) > 1.0 - confidence else (low, middle)
    return high


def _at_most(count: int, n: int, probability: float) -> float:
    return sum(math.comb(n, k) * probability**k * (1.0 - probability) ** (n - k) for k in range(count + 1))


def _binomial_cdf(n: int, probability: float) -> tuple[int, NDArray[np.float64]]:
    """First k and the CDF from there on, over all k whose mass is not below 1e-30.

    The mass is summed up from the mode by the ratio of neighbours, so that n = 1e6 costs some thousand steps.
    """
    mean, spread = n * probability, math.sqrt(n * probability * (1.0 - probability))
    first = max(0, math.floor(mean - 12.0 * spread - 40.0))
    last = min(n, math.ceil(mean + 12.0 * spread + 40.0))
    k = np.arange(first, last, dtype=np.float64)
    log_ratio = np.log((n - k) / (k + 1.0)) + math.log(probability) - math.log1p(-probability)
    log_mass = np.concatenate([[0.0], np.cumsum(log_ratio)])
    mass = np.exp(log_mass - log_mass.max())
    return first, np.cumsum(mass) / mass.sum()


@functools.lru_cache(maxsize=4096)
def ranks(n: int, quantile: float, confidence: float = 0.95) -> tuple[int, int, int] | None:
    """1-based ranks (low, value, high) of n sorted values: the narrowest equal-tailed interval and ceil(n q).

    None where no pair of ranks reaches the confidence.
    """
    if n < 1:
        return None
    first, cdf = _binomial_cdf(n, quantile)
    tail = (1.0 - confidence) / 2.0
    low = first + int(np.searchsorted(cdf, tail, side="right"))
    high = first + int(np.searchsorted(cdf, 1.0 - tail, side="left")) + 1
    if low < 1 or high > n:
        return None
    # 1e-9 keeps n q that is whole, such as 0.99 * 1000, from being rounded up to the next rank.
    return low, max(1, math.ceil(n * quantile - 1e-9)), high


def percentiles(
    values: NDArray[Any], quantiles: Sequence[float] = QUANTILES, confidence: float = 0.95
) -> tuple[Interval, ...]:
    """One Interval per quantile of ``values``, shape (n,), in their unit. The value is the observed one of its rank.

    Not estimable below ``minimum_n(quantile)``: 11 / 64 / 662 / 6636 for p50 / p90 / p99 / p99.9.
    """
    n = len(values)
    wanted = {q: ranks(n, q, confidence) if n >= minimum_n(q) else None for q in quantiles}
    kth = sorted({rank - 1 for found in wanted.values() if found for rank in found})
    ordered = np.partition(values, kth) if kth else values
    return tuple(_interval(ordered, n, q, wanted[q], confidence) for q in quantiles)


def percentile(values: NDArray[Any], quantile: float, confidence: float = 0.95) -> Interval:
    """``percentiles`` for one quantile."""
    return percentiles(values, (quantile,), confidence)[0]


def _interval(
    ordered: NDArray[Any], n: int, quantile: float, found: tuple[int, int, int] | None, confidence: float
) -> Interval:
    if found is None:
        needed = minimum_n(quantile)
        return not_estimable(f"p{100 * quantile:g} needs {needed} values, there are {n}", n, confidence)
    low, value, high = (float(ordered[rank - 1]) for rank in found)
    return Interval(value, low, high, n, confidence)
