"""A device judged by its reference model, which never changes: where that moves, the device did, or the whole lab."""

import math
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.decide.regression.judge import conclude
from orchestrator.decide.regression.lab import Kind, kind_of, movements
from orchestrator.decide.regression.look import Case, Look
from orchestrator.decide.regression.nights import change_over_nights
from orchestrator.decide.regression.suspect import lasting
from orchestrator.decide.regression.trace import trace_of
from orchestrator.decide.regression.tuning import DEFAULT, Tuning
from orchestrator.domain.night_series import Night, Series
from orchestrator.domain.regression import DEVICE_DRIFT, LAB_DRIFT, LEVEL, Verdict

LAB = "the lab"


def drifts(references: Sequence[Series], tuning: Tuning = DEFAULT) -> tuple[Verdict, ...]:
    """``references``: of one model that is never changed, one series per device and metric, each since its device's
    accepted level began. What the devices have in common is told of the lab, once, and of none of them.
    """
    lab = movements(references)
    cases = [_case(series, lab.get(kind_of(series.key), {}), tuning) for series in references]
    return (*_of_lab(references, lab, tuning), *_judged([c for c in cases if c is not None], len(cases), tuning))


def _case(series: Series, moved: dict[str, float], tuning: Tuning) -> Case | None:
    trace = trace_of(series, LEVEL, lab=moved)
    found = change_over_nights(series.key, LEVEL, trace, tuning) or lasting(series.key, trace, tuning)
    return Case(series, trace, found, lasts=True, rerun=None) if found is not None else None


def _judged(cases: Sequence[Case], count: int, tuning: Tuning) -> tuple[Verdict, ...]:
    return tuple(each for each in conclude(Look(tuple(cases), (), count), tuning=tuning) if each.kind == DEVICE_DRIFT)


def _of_lab(references: Sequence[Series], lab: dict[Kind, dict[str, float]], tuning: Tuning) -> tuple[Verdict, ...]:
    found = []
    for kind, moved in lab.items():
        if moved:
            like = next(series.key for series in references if kind_of(series.key) == kind)
            nights = tuple(Night(at, (math.exp(by),), "reference") for at, by in sorted(moved.items()))
            found.append(_case(Series(replace(like, device=LAB), nights), {}, tuning))
    judged = _judged([case for case in found if case is not None], len(found), tuning)
    return tuple(replace(each, kind=LAB_DRIFT) for each in judged)
