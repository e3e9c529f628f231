"""Alerts on simulated nights, counted: false ones, and changes found in time. Also those of the plain threshold."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.decide.regression.baseline import median
from orchestrator.decide.regression.rehearse import LEARNING, Rehearsal
from orchestrator.decide.regression.synthetic import SPREAD_CHANGE, Made
from orchestrator.decide.regression.trace import trace_of
from orchestrator.domain.regression import IMPROVEMENT, LEVEL, REGRESSION, SPREAD, Verdict

# The rule that most dashboards start with.
PLAIN_SHARE, PLAIN_NIGHTS = 0.05, 7


@dataclass(frozen=True)
class Alert:
    """On night number ``night`` about series number ``series``; ``aspect`` as in ``domain.regression``."""

    series: int
    night: int
    worse: bool
    aspect: str = LEVEL


def confirmed_alerts(rehearsal: Rehearsal) -> list[Alert]:
    """Of all changes that were called one, improvements too."""
    return [
        Alert(told.series, told.night, _worse(told.verdict), told.verdict.aspect)
        for told in rehearsal.told
        if told.verdict.kind in (REGRESSION, IMPROVEMENT)
    ]


def suspicions(rehearsal: Rehearsal) -> list[Alert]:
    """Every night of a suspicion, confirmed or not, as if it were an alert."""
    return [Alert(told.series, told.night, _worse(told.verdict), told.verdict.aspect) for told in rehearsal.told]


def _worse(verdict: Verdict) -> bool:
    """All that is simulated is worse where there is more of it."""
    return verdict.effect.value is not None and verdict.effect.value > 1.0


def plain_threshold(made: Sequence[Made]) -> list[Alert]:
    """Every night whose figure is more than 5 % above the median of the seven before it."""
    alerts: list[Alert] = []
    limit = math.log1p(PLAIN_SHARE)
    for i, each in enumerate(made):
        x = trace_of(each.series, LEVEL).x
        nights = range(LEARNING, len(x))
        alerts += [Alert(i, t, True) for t in nights if x[t] > median(x[t - PLAIN_NIGHTS : t]) + limit]
    return alerts


def false_per_100(alerts: Iterable[Alert], series_nights: int) -> float:
    """Where nothing changed, so that every alert is false; one that stays on for nights is one."""
    told = {(alert.series, alert.night, alert.aspect) for alert in alerts}
    return 100.0 * sum((i, night - 1, aspect) not in told for i, night, aspect in told) / series_nights


def found_within(alerts: Iterable[Alert], made: Sequence[Made], nights: int) -> float:
    """Share of the series whose change an alert tells on its first ``nights`` nights, in its direction."""
    begins = [each.begin for each in made]
    wanted = [(SPREAD if each.change.kind == SPREAD_CHANGE else LEVEL, each.change.size > 0) for each in made]
    hit = {
        alert.series
        for alert in alerts
        if (begin := begins[alert.series]) is not None
        and begin <= alert.night < begin + nights
        and (alert.aspect, alert.worse) == wanted[alert.series]
    }
    return len(hit) / len(made)
