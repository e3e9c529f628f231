"""The few figures beside the sentence, each with its interval."""

from dataclasses import dataclass

from orchestrator.domain.decision import MORE_IS_BETTER, CandidateVerdict, Estimate
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import COLUMNS, Column, figure, limited

_GAIN = Column("gain", "Gain over the default", "×")


@dataclass(frozen=True)
class KeyFigure:
    """``value`` is words where ``absent``; ``detail`` is the interval or the reason."""

    name: str
    value: str
    unit: str = ""
    detail: str = ""
    absent: bool = False


def key_figures(content: ReportContent, objective: Column) -> list[KeyFigure]:
    """Gain, objective, quality cost and size of the winner; for an infeasible request, what came nearest."""
    decision, winner = content.decision, content.winner
    if winner is None:
        return _nearest(content)
    shown = [
        _key_figure(_GAIN.heading, decision.gain, _GAIN),
        _of(winner, objective),
        _key_figure(COLUMNS["quality_loss"].heading, decision.quality_cost, COLUMNS["quality_loss"]),
        _of(winner, COLUMNS["size_mb"]),
    ]
    return shown if objective.metric not in ("size_mb", "quality_loss") else [shown[0], *shown[2:]]


def _of(verdict: CandidateVerdict, column: Column) -> KeyFigure:
    estimate = verdict.metrics.get(column.metric)
    if estimate is None:
        return KeyFigure(column.heading, "not measured", absent=True)
    return _key_figure(column.heading, estimate, column)


def _key_figure(name: str, estimate: Estimate, column: Column) -> KeyFigure:
    if estimate.value is None:
        return KeyFigure(name, "not estimable", detail=estimate.reason or "", absent=True)
    value, interval = figure(estimate, column)
    return KeyFigure(name, value, column.unit, f"95 %: {interval}" if interval else "")


def _nearest(content: ReportContent) -> list[KeyFigure]:
    nearest = content.decision.nearest
    if nearest is None:
        return []
    column = limited(nearest.constraint)
    entry = next((e for e in content.ranked() if e.key == nearest.candidate_key), None)
    most = "least" if column.metric in MORE_IS_BETTER else "most"
    limit = Estimate(nearest.limit)
    reached = Estimate(nearest.reached, reason=None if nearest.reached is not None else "no candidate has this figure")
    return [
        _key_figure(f"Binding constraint: {column.words} at {most}", limit, column),
        _key_figure(f"Nearest: {entry.words if entry else nearest.candidate_key}", reached, column),
        *([KeyFigure("It would pass with", " ".join(content.decision.relax))] if content.decision.relax else []),
    ]
