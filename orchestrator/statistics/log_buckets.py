"""A native histogram of Prometheus: exponential buckets of schema 5, each 2^(1/32) = 2.2 % wider than the one below."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.percentiles import minimum_n, ranks

SCHEMA = 5
# Values of at most this lie in the zero bucket; the same as in Prometheus's client libraries (2^-128).
ZERO_THRESHOLD = 2.0**-128

# How far the middle of a bucket (geometric) can lie from a value in it, as a share of the value: 1.1 %.
RELATIVE_ERROR = 2.0 ** (0.5 / (1 << SCHEMA)) - 1.0


@dataclass(frozen=True)
class Buckets:
    """``counts`` of the buckets numbered ``indices``, rising; bucket i holds (2^((i-1)/32), 2^(i/32)]. ``zero``: of the
    values that are zero. ``total``: sum of all values.
    """

    indices: list[int]
    counts: list[int]
    zero: int
    total: float

    @property
    def count(self) -> int:
        return self.zero + sum(self.counts)

    def spans(self) -> Iterator[tuple[int, int]]:
        """(offset, length) of each run of neighbouring buckets: the first offset is its index, the others are gaps."""
        begins = np.flatnonzero(np.diff(self.indices) > 1) + 1
        after = 0
        for run in np.split(np.asarray(self.indices, dtype=np.int64), begins) if self.indices else ():
            yield int(run[0]) - after, len(run)
            after = int(run[-1]) + 1

    def deltas(self) -> list[int]:
        """Each count minus the one before it, as they travel."""
        return [int(change) for change in np.diff(self.counts, prepend=0)]


def buckets(values: NDArray[Any]) -> Buckets:
    """Of values >= 0, shape (n,). Raises ValueError for others."""
    x = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(x).all() and (x >= 0).all()):
        raise ValueError("a histogram here has finite values >= 0")
    beyond = x[x > ZERO_THRESHOLD]
    numbers = np.ceil(np.log2(beyond) * (1 << SCHEMA)).astype(np.int64)
    found, counts = np.unique(numbers, return_counts=True)
    return Buckets(found.tolist(), counts.tolist(), int(len(x) - len(beyond)), float(x.sum()))


def percentile_of(found: Buckets, quantile: float, confidence: float = 0.95) -> Interval:
    """As ``statistics.percentiles.percentile`` of the values that were counted: not estimable where that is not.

    The value is within ``RELATIVE_ERROR`` of the one of its rank; the interval reaches to the ends of its buckets.
    """
    n = found.count
    wanted = ranks(n, quantile, confidence) if n >= minimum_n(quantile) else None
    if wanted is None:
        return not_estimable(f"p{100 * quantile:g} needs {minimum_n(quantile)} values, there are {n}", n, confidence)
    low, value, high = (_bucket(found, rank) for rank in wanted)
    ends = 0.0 if low is None else _bound(low - 1), 0.0 if high is None else _bound(high)
    reason = f"of a histogram: within {100 * RELATIVE_ERROR:.1f} %"
    return Interval(0.0 if value is None else _bound(value - 0.5), *ends, n, confidence, reason)


def _bucket(found: Buckets, rank: int) -> int | None:
    """Number of the bucket of the ``rank``-th value, from 1 on; None: it is zero."""
    if rank <= found.zero:
        return None
    beneath = found.zero + np.cumsum(found.counts)
    return found.indices[int(np.searchsorted(beneath, rank))]


def _bound(number: float) -> float:
    """The upper end of a bucket."""
    return float(2.0 ** (number / (1 << SCHEMA)))
