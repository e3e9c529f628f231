"""How small a difference a number of runs can tell, and how many runs a difference takes.

The power of the two-sided t test is exact: under a true difference its statistic has the noncentral t distribution,
taken here as the mean of normal tails over the distribution of the estimated deviation (Johnson, Kotz & Balakrishnan,
Continuous Univariate Distributions 2, chapter 31). Differences are those of logarithms: of ratios.
"""

import functools
import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from orchestrator.statistics import students_t

ALPHA, POWER = 0.05, 0.8
# Of a deviation that a few runs estimated, the bound below which it lies at this confidence is planned with (Browne,
# On the use of a pilot sample for sample size determination, Statistics in Medicine 14, 1995).
PILOT_CONFIDENCE = 0.8
MOST_RUNS = 1000
_POINTS = 801
_NORMAL = NormalDist()


def power(noncentrality: float, freedom: int, alpha: float = ALPHA) -> float:
    """Probability that the t test finds a true difference of ``noncentrality`` standard errors."""
    bound = students_t.quantile(1.0 - alpha / 2.0, freedom)
    # s / sigma, whose square is chi-square over its degrees of freedom.
    spread = 1.0 / math.sqrt(2.0 * freedom)
    u = np.linspace(max(1e-9, 1.0 - 9.0 * spread), 1.0 + 9.0 * spread, _POINTS)
    log_density = (freedom - 1) * np.log(u) - freedom * (u * u - 1.0) / 2.0
    weights = np.exp(log_density - log_density.max())
    found = [_NORMAL.cdf(noncentrality - bound * x) + _NORMAL.cdf(-noncentrality - bound * x) for x in u.tolist()]
    return float((weights * np.array(found)).sum() / weights.sum())


@functools.lru_cache(maxsize=4096)
def standard_errors(freedom: int, alpha: float = ALPHA, wanted: float = POWER) -> float:
    """The true difference, in standard errors, that the t test finds with probability ``wanted``."""
    if freedom < 1 or not alpha < wanted < 1.0:
        raise ValueError(f"freedom must be >= 1 and power in alpha..1, got {freedom}, {wanted}")
    low, high = 0.0, 4.0
    while power(high, freedom, alpha) < wanted:
        low, high = high, 2.0 * high
    while high - low > 1e-4 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if power(middle, freedom, alpha) < wanted else (low, middle)
    return high


def detectable(deviation: float, pairs: int) -> float:
    """The smallest true difference of logarithms that ``pairs`` >= 2 pairs find with 80 % at alpha 5 %.

    ``deviation`` is that of one pair's log ratio.
    """
    if pairs < 2:
        raise ValueError(f"pairs must be >= 2, got {pairs}")
    return standard_errors(pairs - 1) * deviation / math.sqrt(pairs)


def detectable_unpaired(deviation: float, runs: int) -> float:
    """As ``detectable``, of ``runs`` >= 2 runs on each side; ``deviation`` is that of one run's logarithm."""
    if runs < 2:
        raise ValueError(f"runs must be >= 2, got {runs}")
    return standard_errors(2 * (runs - 1)) * deviation * math.sqrt(2.0 / runs)


def pairs_to_find(deviation: float, difference: float) -> int | None:
    """Smallest number of pairs that find ``difference`` > 0 of logarithms; None beyond ``MOST_RUNS``."""
    return _fewest(lambda pairs: detectable(deviation, pairs) <= difference)


def pairs_to_bound(deviation: float, half_width: float) -> int | None:
    """Smallest number of pairs whose 95 % interval reaches no further than ``half_width`` to each side."""
    return _fewest(lambda n: students_t.quantile(1.0 - ALPHA / 2.0, n - 1) * deviation / math.sqrt(n) <= half_width)


def pilot_bound(deviation: float, freedom: int) -> float:
    """What the true deviation stays below with 80 %, given one estimated with so many degrees of freedom.

    Chi-square's quantile by Wilson & Hilferty (1931).
    """
    z = _NORMAL.inv_cdf(1.0 - PILOT_CONFIDENCE)
    part = 2.0 / (9.0 * freedom)
    return deviation / math.sqrt((1.0 - part + z * math.sqrt(part)) ** 3)


def _fewest(enough: Callable[[int], bool]) -> int | None:
    if not enough(MOST_RUNS):
        return None
    low, high = 1, MOST_RUNS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
