"""Who was kept out by what and what would let it pass; and the goals against the default."""

from orchestrator.domain.decision import GateTally, GoalAsked
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.numbers import Column, limited, significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, number, text

_GATES = (
    Heading("Kept out by"),
    Heading("Candidates", number=True),
    Heading("#"),
    Heading("Nearest", "and its reason"),
    Heading("What would let it pass"),
)
_GOALS = (
    Heading("Goal"),
    Heading("The default's", number=True),
    Heading("The limit", number=True),
)


def gates_table(content: ReportContent) -> Table | None:
    """None where nobody was kept out, or the decision is older than this table."""
    entries = {entry.key: entry for entry in content.ranked()}
    rows = tuple(_gate(tally, entries.get(tally.nearest)) for tally in content.decision.gates)
    return (
        Table("gates", "Which gate kept how many out, and who came nearest to passing it", _GATES, rows)
        if rows
        else None
    )


def goals_table(content: ReportContent) -> Table | None:
    notes = Footnotes()
    rows = tuple(_goal(goal, notes) for goal in content.decision.goals)
    caption = "Goals against the fp32 default, and the limits that follow from its own figures"
    return Table("goals", caption, _GOALS, rows, tuple(notes.reasons)) if rows else None


def _gate(tally: GateTally, nearest: Entry | None) -> Row:
    place, name = named(nearest) if nearest else (text("-"), text("never ran"))
    return Row(
        (
            text(tally.gate),
            number(str(tally.count)),
            place,
            Cell(name.text, tally.reason, name.title),
            text(tally.relax),
        )
    )


def _goal(goal: GoalAsked, notes: Footnotes) -> Row:
    return Row((text(goal.asked), *_figures(goal, limited(goal.asked), notes)))


def _figures(goal: GoalAsked, column: Column, notes: Footnotes) -> tuple[Cell, Cell]:
    """Of quality the default's figure is its error rate, and the limit is on the loss."""
    reason = goal.reason or ""
    of = "error rate" if goal.metric == "quality_loss" else ""
    default = (
        absent("not measured", reason, notes) if goal.default is None else number(_shown(goal.default, column), of)
    )
    limit = absent("none", reason, notes) if goal.limit is None else number(_shown(goal.limit, column), of and "loss")
    return default, limit


def _shown(value: float, column: Column) -> str:
    return f"{significant(value * column.factor)} {column.unit}".rstrip()
