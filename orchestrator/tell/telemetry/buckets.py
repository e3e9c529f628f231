"""A native histogram of Prometheus: exponential buckets of schema 5, each 2^(1/32) = 2.2 % wider than the one below."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 5
# Values of at most this lie in the zero bucket; the same as in Prometheus's client libraries (2^-128).
ZERO_THRESHOLD = 2.0**-128


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
