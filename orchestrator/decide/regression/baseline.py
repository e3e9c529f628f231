"""What is usual: the level and the spread of nights among which some may be odd."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from orchestrator.statistics.autocorrelation import lag1

# A standard deviation in median absolute deviations of a normal distribution.
MAD = 1.4826
# Nights further off than this count as this far: an odd night must not hide the next.
CLIP = 3.0
# Quantized figures (a memory peak in pages) may repeat exactly; no level is known better than this.
LEAST_SCALE = 5e-4
MOST_MEMORY = 0.9


@dataclass(frozen=True)
class Baseline:
    """Of the logarithms of ``n`` nights: ``level``, ``scale`` of one night, ``memory`` from night to night (lag-1)."""

    level: float
    scale: float
    memory: float
    n: int

    @property
    def fewer(self) -> float:
        """n nights with memory say as much about their mean as n times this many without."""
        return (1.0 - self.memory) / (1.0 + self.memory)

    @property
    def with_doubt(self) -> "Baseline":
        """With more memory than was found, by a standard error: memory that is overlooked is a false alarm."""
        return replace(self, memory=min(MOST_MEMORY, self.memory + 1.0 / math.sqrt(self.n)))

    def shift(self, before: float, new: NDArray[np.float64]) -> tuple[float, float]:
        """By how much the level of ``new`` nights in a row lies above this one, with its standard error.

        Generalized least squares of an AR(1) process: what the night ``before`` had of chance is expected to go on.
        Without memory it is the mean.
        """
        reach = CLIP * self.scale
        past = np.concatenate([[min(reach, max(-reach, before - self.level))], new[:-1] - self.level])
        weights = np.array([1.0, *([1.0 - self.memory] * (len(new) - 1))])
        total = float(weights @ weights)
        found = float(weights @ (new - self.level - self.memory * past)) / total
        variance = (1.0 - self.memory**2) / total + 1.0 / (self.n * self.fewer)
        return found, self.scale * math.sqrt(variance)

    def standard_error(self, nights: int) -> float:
        """Of ``shift`` for so many new nights."""
        return self.shift(self.level, np.full(nights, self.level))[1]


def baseline_of(x: NDArray[np.float64]) -> Baseline:
    """Of nights before those that are judged, shape (n,), n >= 2. Odd ones, three deviations off, are left out."""
    low, high = _usual(x)
    usual = x[(x >= low) & (x <= high)]
    scale = max(float(usual.std(ddof=1)), LEAST_SCALE)
    n = len(usual)
    # A short series underestimates its memory by about (1 + 3 rho) / n (Kendall 1954).
    found = lag1(np.clip(x, low, high))
    memory = min(MOST_MEMORY, max(0.0, found + (1.0 + 3.0 * found) / n)) if found > 1.0 / math.sqrt(n) else 0.0
    return Baseline(float(usual.mean()), scale, memory, n)


def clipped(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Odd nights are put three deviations from the median."""
    return np.clip(x, *_usual(x))


def median(x: NDArray[np.float64]) -> float:
    """Of shape (n,), finite. ``np.median`` takes ten times as long for so few, and a lab has thousands of series."""
    ordered = np.sort(x)
    n = len(x)
    return float(ordered[n // 2] + ordered[(n - 1) // 2]) / 2.0


def _usual(x: NDArray[np.float64]) -> tuple[float, float]:
    middle = median(x)
    reach = CLIP * max(MAD * median(np.abs(x - middle)), LEAST_SCALE)
    return middle - reach, middle + reach
