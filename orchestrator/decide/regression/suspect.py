"""The fast look: is tonight, or are tonight and last night together, off what was usual? Says so early, and often errs.

Its threshold follows from what it must find: the effect that matters, within two nights, with 98.5 %. A quiet series is
therefore hardly ever suspected without a cause, and a noisy one costs re-runs, which decide.
"""

import math
from statistics import NormalDist

import numpy as np

from orchestrator.decide.regression.baseline import Baseline, baseline_of, median
from orchestrator.decide.regression.since import since
from orchestrator.decide.regression.trace import Trace
from orchestrator.decide.regression.tuning import Tuning
from orchestrator.domain.night_series import SeriesKey
from orchestrator.domain.regression import LEVEL, Suspicion, worsens
from orchestrator.statistics import students_t

_NORMAL = NormalDist()
_FOUND = 0.985
# Beyond this nothing quieter is asked for: some night is odd in every lab.
_LEAST_ALPHA = 3e-5
# Runs of one program that differ three times as much are another program; half that is not told.
SPREAD_WANTED, SPREAD_LEAST = 2.0, 0.5
_SPREAD_ALPHA = 0.005
# A device that drifts is in no hurry, and nobody can put its old state beside the new one: so many nights in a row, all
# but one of them off by a deviation at least, so that no odd night does it.
LASTING_NIGHTS = 5
_LASTING_SHARE = 0.5


def suspicion(key: SeriesKey, aspect: str, trace: Trace, tuning: Tuning) -> Suspicion | None:
    """About the last night of ``trace``. None where it is as usual, or where too few nights say what usual is."""
    looks = (_look(key, aspect, trace, nights, tuning) for nights in (2, 1))
    return min((found for found in looks if found is not None), key=lambda found: found.p_value, default=None)


def lasting(key: SeriesKey, trace: Trace, tuning: Tuning) -> Suspicion | None:
    """Five nights in a row so far off that no re-run is needed to believe it."""
    past, new = trace.x[:-LASTING_NIGHTS][-tuning.baseline_nights :], trace.x[-LASTING_NIGHTS:]
    # Of fewer nights nobody can tell how much each is like the one before it.
    if len(past) < 2 * tuning.least_nights:
        return None
    usual = baseline_of(past).with_doubt
    middle = median(new)
    # All but the mildest of them.
    off = np.sort(math.copysign(1.0, middle - usual.level) * (new - usual.level))[1]
    calm = np.clip(new, middle - usual.scale, middle + usual.scale)
    shift, error = usual.shift(float(trace.x[-LASTING_NIGHTS - 1]), calm)
    if off < usual.scale or abs(shift) < math.log1p(tuning.least):
        return None
    return _suspicion(key, LEVEL, trace, usual, shift, error, tuning.nights_alpha * _LASTING_SHARE, tuning)


def _look(key: SeriesKey, aspect: str, trace: Trace, nights: int, tuning: Tuning) -> Suspicion | None:
    past = trace.x[:-nights][-tuning.baseline_nights :]
    if len(past) < tuning.least_nights:
        return None
    usual = baseline_of(past)
    shift, error = usual.shift(float(trace.x[-nights - 1]), trace.x[-nights:])
    alpha = _alpha(aspect, worsens(key, aspect, shift), usual, tuning)
    return _suspicion(key, aspect, trace, usual, shift, error, alpha, tuning)


def _suspicion(
    key: SeriesKey,
    aspect: str,
    trace: Trace,
    usual: Baseline,
    shift: float,
    error: float,
    alpha: float,
    tuning: Tuning,
) -> Suspicion | None:
    """None where a series without a change is so far off more often than ``alpha``, in one direction and one look."""
    # Student's t has the longer tail: what the normal distribution lets pass, it lets pass.
    if abs(shift) < _NORMAL.inv_cdf(1.0 - alpha) * error:
        return None
    p = students_t.upper_tail(abs(shift) / error, usual.n - 1)
    if p > alpha:
        return None
    threshold = students_t.quantile(1.0 - alpha, usual.n - 1) * error
    when = since(trace.nights, trace.x, fewer=usual.fewer, first=len(trace) - tuning.look_back)
    return Suspicion(key, aspect, shift, threshold, min(1.0, 2.0 * p), 2.0 * alpha, when)


def _alpha(aspect: str, worse: bool, usual: Baseline, tuning: Tuning) -> float:
    """The smallest that finds what matters, and no more than is said."""
    most = tuning.worse_alpha if worse else tuning.better_alpha
    wanted = math.log1p(tuning.wanted) if aspect == LEVEL else math.log1p(SPREAD_WANTED)
    if aspect != LEVEL:
        most = min(most, _SPREAD_ALPHA)
    reach = wanted / usual.standard_error(2) - _NORMAL.inv_cdf(_FOUND)
    return min(most, max(_LEAST_ALPHA, 1.0 - _NORMAL.cdf(reach)))
