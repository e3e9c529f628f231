"""A straight line through points, each of its two numbers with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.statistics import students_t
from orchestrator.statistics.interval import Interval

_LEAST_POINTS = 4


@dataclass(frozen=True)
class Line:
    """y = slope x + offset by least squares; ``residual``: standard deviation of what it leaves, in y."""

    slope: Interval
    offset: Interval
    residual: float


def fit_line(x: Sequence[float], y: Sequence[float], confidence: float = 0.95) -> Line:
    """Raises ValueError for fewer than 4 points, points that do not differ in x, or ones that are not finite."""
    at, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(at)
    if n < _LEAST_POINTS or n != len(values):
        raise ValueError(f"a line needs {_LEAST_POINTS} points or more, got {n} and {len(values)}")
    if not (np.isfinite(at).all() and np.isfinite(values).all()):
        raise ValueError("points of a line must be finite")
    spread = float(((at - at.mean()) ** 2).sum())
    if spread <= 0:
        raise ValueError(f"points of a line must differ in x, all are at {at[0]:g}")
    slope = float(((at - at.mean()) * (values - values.mean())).sum()) / spread
    offset = float(values.mean() - slope * at.mean())
    left = values - (slope * at + offset)
    residual = math.sqrt(float((left**2).sum()) / (n - 2))
    t = students_t.quantile(0.5 + confidence / 2, n - 2)
    slope_half = t * residual / math.sqrt(spread)
    offset_half = t * residual * math.sqrt(1 / n + float(at.mean()) ** 2 / spread)
    return Line(
        Interval(slope, slope - slope_half, slope + slope_half, n, confidence),
        Interval(offset, offset - offset_half, offset + offset_half, n, confidence),
        residual,
    )
