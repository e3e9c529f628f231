"""Lists of facts: what was asked, where it ran, what measuring cost, where the artifacts come from."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import COLUMNS, Column, significant

# A constraint is named after its metric, as ``max_p99_ms`` or by the metric itself.
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
    constraints = [f"{_constraint(name)} ≤ {_limit(name, limit)}" for name, limit in decision.constraints.items()]
    goal = f"lowest {objective.heading.lower()}" if objective else decision.objective
    return [
        Fact("Objective", goal, f"metric {decision.objective}" if objective else ""),
        Fact("Constraints", "; ".join(constraints) or _NO_CONSTRAINT),
        *(Fact(name.replace("_", " "), _setting(value)) for name, value in sorted(content.study.settings.items())),
    ]


def _constraint(name: str) -> str:
    return COLUMNS[name].heading.lower() if name in COLUMNS else name.replace("_", " ")


def _limit(name: str, limit: float) -> str:
    column = COLUMNS.get(name)
    return significant(limit) if column is None else f"{significant(limit * column.factor)} {column.unit}"


def _setting(value: object) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_setting(v)}" for k, v in sorted(value.items())) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_setting(v) for v in value) or "none"
    return str(value)


def joined(parts: Iterable[object]) -> str:
    return ", ".join(str(p) for p in parts)
