"""The share of chunks that miss their deadline, over independent runs."""

import math
from collections.abc import Sequence

from orchestrator.statistics import students_t
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.intervals import mean_interval


def miss_rate_interval(misses: Sequence[int], chunks: Sequence[int], confidence: float = 0.95) -> Interval:
    """Mean of the runs' miss rates; ``misses`` and ``chunks`` of each run.

    A run is the unit of replication: the interval is Student's t over the runs' rates, and so one run has none. It is
    never narrower than Wilson's (1927) over all chunks together: runs that happen to agree, such as two without any
    miss, do not prove that there never is one. Its ends are cut to 0..1.
    """
    if len(misses) != len(chunks) or any(not 0 <= x <= n or n == 0 for x, n in zip(misses, chunks, strict=False)):
        raise ValueError(f"every run needs 0 <= misses <= chunks and a chunk, got {misses} of {chunks}")
    if not chunks:
        return not_estimable("there are no runs", 0, confidence)
    found = mean_interval([x / n for x, n in zip(misses, chunks, strict=True)], confidence)
    if found.value is None or found.low is None or found.high is None:
        return found
    low, high = _wilson(sum(misses), sum(chunks), confidence)
    return Interval(found.value, max(0.0, min(low, found.low)), min(1.0, max(high, found.high)), found.n, confidence)


def _wilson(count: int, n: int, confidence: float) -> tuple[float, float]:
    # Student's t with as many degrees of freedom as this is the normal distribution.
    z = students_t.quantile(0.5 + confidence / 2.0, 1e6)
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half
