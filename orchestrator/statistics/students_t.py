"""Student's t without scipy: the regularized incomplete beta function by its continued fraction.

Lentz's method for the fraction of Abramowitz & Stegun 26.5.8; the quantile by bisection on the tail, so that it is
exact to about 1e-12 for any degrees of freedom >= 1, whole or not.
"""

import functools
import math

_TINY = 1e-300
_STEPS = 300


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for step in (even, odd):
            d, c = 1.0 + step * d, 1.0 + step / c
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _fraction(a, b, x) / a
    return 1.0 - math.exp(log_front) * _fraction(b, a, 1.0 - x) / b


def upper_tail(t: float, freedom: float) -> float:
    """P(T > t) for ``freedom`` degrees of freedom (> 0)."""
    if freedom <= 0:
        raise ValueError(f"degrees of freedom must be > 0, got {freedom}")
    tail = 0.5 * _incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))
    return tail if t >= 0 else 1.0 - tail


@functools.lru_cache(maxsize=4096)
def quantile(probability: float, freedom: float) -> float:
    """The t below which ``probability`` lies; quantile(0.975, 3) is 3.182. Raises ValueError outside 0 < p < 1."""
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability must lie between 0 and 1, got {probability}")
    if probability < 0.5:
        return -quantile(1.0 - probability, freedom)
    tail, low, high = 1.0 - probability, 0.0, 1.0
    while upper_tail(high, freedom) > tail:
        low, high = high, high * 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if upper_tail(middle, freedom) > tail else (low, middle)
        if high - low < 1e-13 * high:
            break
    return 0.5 * (low + high)
