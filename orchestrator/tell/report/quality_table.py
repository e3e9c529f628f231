"""What each candidate gets right on the evaluation set, beside what it loses against fp32."""

from collections.abc import Sequence

from orchestrator.domain.score import Score
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.content import Entry, ReportContent, family
from orchestrator.tell.report.numbers import COLUMNS, percent, significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, estimate, number, text

_METRIC_NAMES = {
    "accuracy": "accuracy",
    "f1": "F1 of speech",
    "top3": "word among the first three",
    "wer": "word error rate",
    "frr": "false rejects",
}
_BORROWED = "score of the same artifact and provider with another number of threads"
_NO_SCORE = "no evaluate session of this candidate was scored"


def quality_table(content: ReportContent) -> Table:
    notes = Footnotes()
    headings = (
        Heading("#"),
        Heading("Candidate"),
        Heading("Metric"),
        Heading("Value", "%", number=True),
        Heading("Errors", "of units", number=True),
        Heading("Items", number=True),
        Heading("Loss against fp32", "points", number=True),
        Heading("Details"),
    )
    entries = content.ranked()
    families: dict[str, set[str]] = {}
    for entry in entries:
        families.setdefault(family(entry.verdict.candidate), set()).add(entry.key)
    rows = tuple(
        row
        for entry in entries
        for row in _rows(entry, content.scores, families[family(entry.verdict.candidate)], notes)
    )
    return Table("quality", "Quality on the evaluation set", headings, rows, tuple(notes.reasons))


def _rows(entry: Entry, scores: Sequence[Score], relatives: set[str], notes: Footnotes) -> list[Row]:
    loss = estimate(entry.verdict.metrics.get("quality_loss"), COLUMNS["quality_loss"], notes)
    own = [s for s in scores if s.candidate_key == entry.key]
    shown = own or [s for s in scores if s.candidate_key in relatives]
    if not shown:
        gone = absent("not measured", _NO_SCORE, notes)
        return [Row((*named(entry), text(""), gone, gone, gone, loss, text("")), entry.role)]
    borrowed = None if own else notes.number(_BORROWED)
    same = Cell("", title="one loss for all metrics of a candidate")
    return [
        Row((*named(entry), *_measured(score, loss if score is shown[0] else same, borrowed)), entry.role)
        for score in shown
    ]


def _measured(score: Score, loss: Cell, borrowed: int | None) -> tuple[Cell, ...]:
    errors, units = (sum(getattr(i, name) for i in score.items) for name in ("errors", "count"))
    return (
        Cell(_METRIC_NAMES.get(score.metric, score.metric), note=borrowed),
        number(significant(score.value * 100)),
        number(f"{errors:,.0f}", f"of {units:,.0f}"),
        number(f"{len(score.items):,}"),
        loss,
        text(", ".join(f"{_words(name)} {_detail(name, value)}" for name, value in sorted(score.details.items()))),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _detail(name: str, value: float) -> str:
    rate = any(name == m or name.startswith(f"{m}_at") for m in _METRIC_NAMES)
    return percent(value) if rate else significant(value)
