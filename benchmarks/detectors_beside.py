"""Detectors of other projects, each through its own package, asked every night anew with what was known then.

Their figures are those that ours start from: one a night and series. They look at levels only, and nobody re-runs for
them. apache-otava is asked with its defaults (p 0.001, window 50), asv with its threshold of 5 %.
"""

import importlib.util
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.decide.regression.rehearse import LEARNING
from orchestrator.decide.regression.synthetic import Made
from orchestrator.decide.regression.tally import Alert

# A change point that moves by no more than this from one night to the next is the same one.
_SAME = 3
# index of a change point -> whether it is worse
Points = dict[int, bool]


def beside(made: Sequence[Made], points_of: Callable[[list[float]], Points], last: int | None) -> list[Alert]:
    """An alert for each change point that was not there before. ``last``: nights after a change to go on for."""
    alerts = []
    for i, each in enumerate(made):
        figures = [math.exp(night.level) for night in each.series.nights]
        first = LEARNING if each.begin is None else each.begin
        end = len(figures) if each.begin is None or last is None else min(len(figures), each.begin + last)
        told = list(points_of(figures[:first]))
        for night in range(first, end):
            for at, worse in points_of(figures[: night + 1]).items():
                if all(abs(at - other) > _SAME for other in told):
                    told.append(at)
                    alerts.append(Alert(i, night, worse))
    return alerts


def otava() -> Callable[[list[float]], Points] | None:
    """apache-otava's change points; None where it is not installed."""
    if importlib.util.find_spec("otava") is None:
        return None
    from otava.analysis import compute_change_points

    def points(figures: list[float]) -> Points:
        found, _ = compute_change_points(figures, window_len=50, max_pvalue=0.001)
        return {int(point.index): point.stats.mean_2 > point.stats.mean_1 for point in found}

    return points


def asv() -> Callable[[list[float]], Points] | None:
    """The steps that ``asv publish`` calls regressions; None where asv is not installed."""
    detect = _asv_module()
    if detect is None:
        return None

    def points(figures: list[float]) -> Points:
        _, _, places = detect.detect_regressions(detect.detect_steps(figures), threshold=0.05)
        return {int(right): True for _, right, _, _ in places or ()}

    return points


def _asv_module() -> Any:
    """``asv.step_detect`` without the rest of asv, which imports what builds environments."""
    spec = importlib.util.find_spec("asv")
    if spec is None:
        return None
    sys.modules.setdefault("asv", importlib.util.module_from_spec(spec))
    return importlib.import_module("asv.step_detect")
