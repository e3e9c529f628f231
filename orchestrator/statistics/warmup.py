"""Warm-up by change points: what kind of run was it, and how many chunks come before the steady state?

Levels are found by binary segmentation of the service times (CUSUM, largest shift first), clipped so that single
stalls count little, with the noise's long-run variance from differences, which level shifts do not touch.
Classes follow Barrett et al., "Virtual machine warmup blows hot and cold" (OOPSLA 2017).
"""

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLAT, WARM_UP, SLOWDOWN, NO_STEADY_STATE = "flat", "warm-up", "slowdown", "no-steady-state"
CLASSES = (FLAT, WARM_UP, SLOWDOWN, NO_STEADY_STATE)

LEVEL_TOLERANCE = 0.05  # levels nearer than this are one level: a p50 does not show it
STEADY_SHARE = 0.25  # the last level must hold for this share of the run to be called steady
DISTURBANCE_SHARE = 0.05  # a level that comes and goes within less than this is a disturbance
_CLIP_SIGMAS = 5.0
_MAX_LEVELS = 32
_BLOCK = 16  # chunks; a stall of half as many does not move a block's median
_FAR_LAG = 16
_NOISE_SAMPLES = 8192  # differences from which the noise is estimated; more say no more


@dataclass(frozen=True)
class Level:
    """Chunks ``start`` .. ``end`` - 1 with their median service time, in the unit of the input."""

    start: int
    end: int
    median: float

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class WarmUp:
    """``kind`` is one of CLASSES. ``skip`` chunks at the start are slower than the level that the run settles on.

    Nothing else is ever skipped: a slowdown and a disturbance are what a listener meets. ``steady_from`` is where the
    last level starts (None without a steady state).
    """

    kind: str
    skip: int
    steady_from: int | None
    levels: tuple[Level, ...]


def classify(service: NDArray[Any], tolerance: float = LEVEL_TOLERANCE) -> WarmUp:
    """Class and warm-up length of one run from its service times, shape (n,), any unit. Raises ValueError on n = 0."""
    values = np.asarray(service, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"service times must have shape (n,) with n > 0, got {values.shape}")
    levels = _settled(values, _merged(values, _cuts(values), tolerance), tolerance)
    last = levels[-1]
    long = [level for level in levels if level.length >= DISTURBANCE_SHARE * len(values)]
    if last.length < STEADY_SHARE * len(values):
        return WarmUp(NO_STEADY_STATE, 0, None, levels)
    first = next(level for level in long if level.median <= last.median * (1.0 + tolerance))
    skip = first.start + _slow_head(values[first.start :], values[last.start :], tolerance)
    if any(level.median < last.median * (1.0 - tolerance) for level in long):
        return WarmUp(SLOWDOWN, skip, last.start, levels)
    return WarmUp(WARM_UP if skip else FLAT, skip, max(skip, last.start), levels)


def _noise(values: NDArray[np.float64]) -> tuple[float, float]:
    """Standard deviation of the noise and its long-run one (AR(1) inflation), both blind to level shifts.

    Var(x[t+k] - x[t]) = 2 s^2 (1 - r^k): near neighbours give 1 - r against far ones; the MAD keeps outliers out.
    """
    n = len(values)
    floor = 1e-3 * abs(float(np.median(values))) + 1e-12
    far = max(2, min(_FAR_LAG, n // 20))
    at = np.linspace(0, n - far - 1, min(n - far, _NOISE_SAMPLES)).astype(np.int64)
    near_mad, far_mad = (_mad(values[at + lag] - values[at]) for lag in (1, far))
    sigma = max(near_mad, far_mad, floor) / math.sqrt(2.0)
    independence = min(max((near_mad / far_mad) ** 2, 0.02), 1.0) if far_mad > floor else 1.0
    return sigma, sigma * math.sqrt((2.0 - independence) / independence)


def _mad(values: NDArray[np.float64]) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _cuts(values: NDArray[np.float64]) -> list[int]:
    """Starts of the levels, 0 first, then n: the most significant shifts first, at most _MAX_LEVELS levels."""
    n = len(values)
    if n < 8:
        return [0, n]
    sigma, long_run = _noise(values)
    clipped = _clipped(values, _CLIP_SIGMAS * sigma)
    sums = np.concatenate([[0.0], np.cumsum(clipped - clipped.mean())])
    cuts, open_ = [0, n], [_best_split(sums, 0, n)]
    threshold = 4.0 * math.log(n) * long_run**2  # twice the BIC penalty of a shift
    while open_ and len(cuts) <= _MAX_LEVELS:
        gain, start, at, end = heapq.heappop(open_)
        if -gain < threshold:
            break
        cuts.append(at)
        for left, right in ((start, at), (at, end)):
            if right - left >= 2:
                heapq.heappush(open_, _best_split(sums, left, right))
    return sorted(cuts)


def _clipped(values: NDArray[np.float64], margin: float) -> NDArray[np.float64]:
    """Values kept within ``margin`` of the medians of their block and its neighbours: stalls go, levels stay."""
    n = len(values)
    size = max(4, min(_BLOCK, n // 10))
    whole = n // size
    medians = np.median(values[: whole * size].reshape(whole, size), axis=1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(medians, 1, mode="edge"), 3)
    block = np.minimum(np.arange(n) // size, whole - 1)
    return np.clip(values, around.min(axis=1)[block] - margin, around.max(axis=1)[block] + margin)


def _best_split(sums: NDArray[np.float64], start: int, end: int) -> tuple[float, int, int, int]:
    """(-gain, start, split, end): the split with the largest CUSUM, gain = squared shift times its weight."""
    length = end - start
    left = np.arange(1, length, dtype=np.float64)
    cusum = sums[start + 1 : end] - sums[start] - left * ((sums[end] - sums[start]) / length)
    gain = cusum * cusum * length / (left * (length - left))
    at = int(np.argmax(gain))
    return -float(gain[at]), start, start + at + 1, end


def _merged(values: NDArray[np.float64], cuts: list[int], tolerance: float) -> list[Level]:
    """Neighbours whose medians differ by less than the tolerance become one level, the nearest pair first."""
    levels = [Level(a, b, float(np.median(values[a:b]))) for a, b in itertools.pairwise(cuts)]
    while len(levels) > 1:
        gaps = [_gap(a, b) for a, b in itertools.pairwise(levels)]
        at = int(np.argmin(gaps))
        if gaps[at] > tolerance:
            break
        levels[at : at + 2] = [_level(values, levels[at].start, levels[at + 1].end)]
    return levels


def _settled(values: NDArray[np.float64], levels: list[Level], tolerance: float) -> tuple[Level, ...]:
    """Short levels after the first long one are disturbances: they join the level before them."""
    least = DISTURBANCE_SHARE * len(values)
    kept: list[Level] = []
    settled = False
    for level in levels:
        if settled and level.length < least:
            kept[-1] = Level(kept[-1].start, level.end, kept[-1].median)
        else:
            settled = settled or level.length >= least
            kept.append(level)
    return tuple(_merged(values, [level.start for level in kept] + [len(values)], tolerance))


def _gap(a: Level, b: Level) -> float:
    return abs(a.median - b.median) / max(min(a.median, b.median), 1e-12)


def _level(values: NDArray[np.float64], start: int, end: int) -> Level:
    return Level(start, end, float(np.median(values[start:end])))


def _slow_head(values: NDArray[np.float64], steady: NDArray[np.float64], tolerance: float) -> int:
    """Leading chunks that are outliers above the steady level: a slow first chunk is too short for a change point."""
    middle = float(np.median(steady))
    limit = max(middle + 6.0 * _mad(steady), middle * (1.0 + tolerance))
    calm = np.flatnonzero(values <= limit)
    return int(calm[0]) if len(calm) else 0
