"""Lists of facts: what was asked, where it ran, what measuring cost, where the artifacts come from."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.domain.decision import MORE_IS_BETTER
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import COLUMNS, Column, limited, percent

# Said in the first two facts already.
_SAID = ("minimize", "constraints")
_NO_CONSTRAINT = "none: every candidate that passes the gates may win"


@dataclass(frozen=True)
class Fact:
    """``absent``: the value says why there is none."""

    name: str
    value: str
    detail: str = ""
    absent: bool = False


def asked(content: ReportContent, objective: Column | None) -> list[Fact]:
    """Objective, constraints, then every other setting of the study as it was given."""
    decision = content.decision
    goals = [goal.asked for goal in decision.goals]
    constraints = [*(_limit(name, limit) for name, limit in decision.constraints.items()), *goals]
    best = "most" if decision.objective in MORE_IS_BETTER else "lowest"
    wanted = f"{best} {objective.words}" if objective else decision.objective
    weights = joined(f"{COLUMNS[m].words} {percent(share)}" for m, share in decision.weights.items())
    spans = joined(COLUMNS[metric].words for metric in decision.spans)
    return [
        Fact("Objective", wanted, weights or (f"metric {decision.objective}" if objective else "")),
        Fact("Constraints", "; ".join(constraints) or _NO_CONSTRAINT),
        *([Fact("Front", f"nobody is better in one and worse in none of {spans}")] if spans else []),
        *(Fact(_name(name), _setting(value)) for name, value in _others(content)),
    ]


def raw_times(content: ReportContent) -> list[Fact]:
    """Where some have made way; else none."""
    gone = [session for session in content.sessions if session.kept is not None]
    if not gone:
        return []
    days = sorted({session.kept.compacted_utc[:10] for session in gone if session.kept})
    where = f"made way for {len(gone)} of {len(content.sessions)} sessions on {joined(days)}"
    detail = "the decision and its figures are those of then; charts and tables of single chunks have the others only"
    return [Fact("Raw times", where, detail, absent=True)]


def _others(content: ReportContent) -> list[tuple[str, object]]:
    return sorted((name, value) for name, value in content.study.settings.items() if name not in _SAID)


def _name(setting: str) -> str:
    """``budget_s`` -> ``budget, s``: a setting carries its unit."""
    words, _, unit = setting.rpartition("_")
    return f"{words.replace('_', ' ')}, {unit}" if unit in ("s", "ms", "mb", "hz") else setting.replace("_", " ")


def _limit(name: str, limit: float) -> str:
    column = limited(name)
    sign = "≥" if name.startswith("min_") else "≤"
    return f"{column.words} {sign} {limit * column.factor:g} {column.unit}".rstrip()


def _setting(value: object) -> str:
    if value is None or value == [] or value == {}:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_setting(v)}" for k, v in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ", ".join(_setting(v) for v in value)
    return str(value)


def joined(parts: Iterable[object]) -> str:
    return ", ".join(str(p) for p in parts)
