"""The slow look: a change point in a row of nights, for what the fast look is too coarse for or no re-run can decide.

Where the level changed is found by PELT (Killick, Fearnhead & Eckley 2012; ruptures' implementation in C) with a
quadratic cost on clipped logarithms, which odd nights do not move; whether it did by the rank test of Mann and Whitney
or, for a large change in few nights, by Student's t. All are told how much less the nights say where each is like the
one before it.
"""

import functools
import math
from importlib.util import find_spec
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.regression.baseline import CLIP, LEAST_SCALE, MAD, MOST_MEMORY, Baseline, clipped, median
from orchestrator.decide.regression.since import residuals, since
from orchestrator.decide.regression.suspect import SPREAD_LEAST
from orchestrator.decide.regression.trace import Trace
from orchestrator.decide.regression.tuning import Tuning
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import LEVEL, Suspicion
from orchestrator.errors import BadInput
from orchestrator.statistics import students_t
from orchestrator.statistics.autocorrelation import lag1

WINDOW = 60
# Nights that a new level has to last, and that the old one is known from.
NEW_NIGHTS, OLD_NIGHTS = 5, 10
# Times ln n: the penalty of one more change point. 2 is the Schwarz criterion; to look anew every night costs more.
_PENALTY = 3.0
_NORMAL = NormalDist()


@functools.cache
def _missing() -> tuple[str, ...]:
    return tuple(name for name in ("ruptures", "scipy") if find_spec(name) is None)


def require_libraries() -> None:
    """Raises BadInput where ruptures and SciPy are not installed."""
    missing = _missing()
    if missing:
        raise BadInput(
            f"change points over nights need {' and '.join(missing)}", hint="pip install 'earshot[regression]'"
        )


def change_over_nights(key: SeriesKey, aspect: str, trace: Trace, tuning: Tuning) -> Suspicion | None:
    """The latest change of level in the last 60 nights that has lasted for five. None where none is large and sure
    enough. Raises BadInput without the extra ``regression``.
    """
    require_libraries()
    nights, x = trace.nights[-WINDOW:], trace.x[-WINDOW:]
    if len(x) < OLD_NIGHTS + NEW_NIGHTS:
        return None
    noise = _noise(x)
    start, at = _last_level(x, noise)
    before, after = x[start:at], x[at:]
    if len(before) < OLD_NIGHTS:
        return None
    shift = median(after) - median(before)
    least = math.log1p(tuning.least if aspect == LEVEL else SPREAD_LEAST)
    p = _chance(before, after, noise)
    if abs(shift) < least or p > tuning.nights_alpha:
        return None
    when = since(nights[start:], x[start:], fewer=noise.fewer)
    # PELT gives every level its five nights, also a shorter one.
    if sum(night.at >= when.at for night in nights) < NEW_NIGHTS:
        return None
    return Suspicion(key, aspect, shift, least, p, tuning.nights_alpha, when)


def _noise(x: NDArray[np.float64]) -> Baseline:
    """Around two levels, wherever they change best: a step is no noise, and no memory."""
    at = 1 + int(np.argmin(residuals(clipped_to_neighbours(x, _spread(np.diff(x)) / math.sqrt(2.0)))))
    flat = clipped(np.concatenate([part - median(part) for part in (x[:at], x[at:])]))
    scale = float(flat.std(ddof=2))
    if scale <= LEAST_SCALE:
        # What repeats exactly has no memory either.
        return Baseline(median(x), LEAST_SCALE, 0.0, len(x))
    found = lag1(flat)
    # Two means were taken off: twice Kendall's bias of one.
    memory = min(MOST_MEMORY, max(0.0, found + 2.0 * (1.0 + 3.0 * found) / len(x)))
    return Baseline(median(x), scale, memory, len(x)).with_doubt


def _spread(x: NDArray[np.float64]) -> float:
    return max(MAD * median(np.abs(x - median(x))), LEAST_SCALE)


def _last_level(x: NDArray[np.float64], noise: Baseline) -> tuple[int, int]:
    """Where the last level but one and the last begin; 0, 0 where there is one level."""
    import ruptures

    scaled = clipped_to_neighbours(x, noise.scale) / noise.scale
    penalty = _PENALTY * math.log(len(x)) / noise.fewer
    ends = ruptures.KernelCPD(kernel="linear", min_size=NEW_NIGHTS).fit(scaled[:, None]).predict(pen=penalty)
    starts = [0, *(int(end) for end in ends[:-1])]
    return (starts[-2], starts[-1]) if len(starts) > 1 else (0, 0)


def clipped_to_neighbours(x: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """No night further than three deviations from the median of itself and the three on either side, which follows a
    step, and not an odd night.
    """
    around = np.lib.stride_tricks.sliding_window_view(np.pad(x, 3, mode="edge"), 7)
    middle = np.sort(around, axis=1)[:, 3]
    return np.clip(x, middle - CLIP * scale, middle + CLIP * scale)


def _chance(before: NDArray[np.float64], after: NDArray[np.float64], noise: Baseline) -> float:
    """Two-sided, of as many fewer nights as their memory leaves: by ranks, which no odd night moves, or by size, which
    ranks cannot tell from some nights on: the smaller of the two, doubled for the choice.
    """
    from scipy.stats import mannwhitneyu

    # The exact distribution knows no ties; a memory peak in pages has some.
    method = "exact" if len(np.unique(np.concatenate([before, after]))) == len(before) + len(after) else "asymptotic"
    ranks = float(mannwhitneyu(after, before, alternative="two-sided", method=method).pvalue)
    z = -_NORMAL.inv_cdf(max(ranks, 1e-300) / 2.0) * math.sqrt(noise.fewer)
    nights = noise.fewer / (1.0 / len(before) + 1.0 / len(after))
    t = abs(float(clipped(after).mean() - clipped(before).mean())) / noise.scale * math.sqrt(nights)
    freedom = max(1.0, (len(before) + len(after)) * noise.fewer - 2.0)
    return min(1.0, 4.0 * min(_NORMAL.cdf(-z), students_t.upper_tail(t, freedom)))
