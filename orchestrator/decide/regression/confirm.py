"""What a re-run says. What its night had in common (heat, load, an aged battery) cancelled in its pairs."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.comparison.effect import ratio_of
from orchestrator.decide.comparison.runs import Block
from orchestrator.decide.regression.rerun import LOOKS
from orchestrator.decide.regression.suspect import SPREAD_LEAST
from orchestrator.decide.regression.tuning import Tuning
from orchestrator.domain.regression import CONFIRMED, REFUTED, SPREAD, UNSURE, Confirmation, Suspicion
from orchestrator.statistics import students_t
from orchestrator.statistics.interval import Interval, not_estimable

_LEAST_RUNS = 3


def confirm(
    suspicion: Suspicion, old: Mapping[Block, float], new: Mapping[Block, float], look: int, tuning: Tuning
) -> Confirmation:
    """``old`` and ``new``: the metric of each run by block, > 0, of all looks so far."""
    if suspicion.aspect == SPREAD:
        return judge_spread(suspicion, list(old.values()), list(new.values()), look, tuning)
    ratio, _ = ratio_of(old, new)
    return judge_ratio(suspicion, ratio, look, tuning)


def judge_ratio(suspicion: Suspicion, ratio: Interval, look: int, tuning: Tuning) -> Confirmation:
    """By new / old over pairs, as ``comparison.Effect.ratio`` has it. What the re-run finds counts, also the other way
    round: the night that raised the suspicion may have been an odd one.
    """
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return Confirmation(suspicion, UNSURE, ratio, 1.0)
    half = math.log(ratio.high / ratio.low) / 2.0
    found = math.log(ratio.value)
    error = half / students_t.quantile(0.5 + ratio.confidence / 2.0, ratio.n - 1)
    p = _two_sided(found, error, ratio.n - 1)
    return Confirmation(suspicion, _outcome(found, half, p, math.log1p(tuning.least), look, tuning), ratio, p)


def judge_spread(
    suspicion: Suspicion, old: Sequence[float], new: Sequence[float], look: int, tuning: Tuning
) -> Confirmation:
    """By distances of runs from their side's median (Brown & Forsythe 1974), on logarithms; Welch's t."""
    before, after = (_distances(side) for side in (old, new))
    n, mean = min(len(before), len(after)), float(before.mean()) if len(before) else 0.0
    if n < _LEAST_RUNS or mean == 0.0:
        reason = "the runs of one side do not differ, or are fewer than three"
        return Confirmation(suspicion, UNSURE, not_estimable(reason, n), 1.0)
    error = math.sqrt(float(before.var(ddof=1)) / len(before) + float(after.var(ddof=1)) / len(after)) / mean
    ratio = float(after.mean()) / mean
    half = students_t.quantile(0.975, n - 1) * error
    p = _two_sided(ratio - 1.0, error, n - 1)
    effect = Interval(ratio, max(0.0, ratio - half), ratio + half, n)
    return Confirmation(suspicion, _outcome(ratio - 1.0, half, p, SPREAD_LEAST, look, tuning), effect, p)


def _distances(values: Sequence[float]) -> NDArray[np.float64]:
    logs = np.log(np.asarray(values, dtype=np.float64))
    return np.asarray(np.abs(logs - np.median(logs)), dtype=np.float64)


def _two_sided(found: float, error: float, freedom: int) -> float:
    """How often equal things differ so much."""
    if error == 0.0:
        return 1.0 if found == 0.0 else 0.0
    return min(1.0, 2.0 * students_t.upper_tail(abs(found) / error, freedom))


def _outcome(found: float, half: float, p: float, least: float, look: int, tuning: Tuning) -> str:
    if p <= tuning.rerun_alpha / LOOKS and abs(found) >= least:
        return CONFIRMED
    # What is left within the interval is not worth a second look.
    return UNSURE if look < LOOKS and abs(found) + half > 2.0 * least else REFUTED
