"""What each candidate gets right on the evaluation set, beside what it loses against fp32."""

from collections.abc import Sequence

from orchestrator.domain.score import Score
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.numbers import COLUMNS, percent, significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, estimate, number, text

_METRIC_NAMES = {
    "accuracy": "accuracy",
    "wer": "word error rate",
    "frr": "false rejects",
}
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
    rows = tuple(row for entry in content.ranked() for row in _rows(entry, content.scores, notes))
    return Table("quality", "Quality on the evaluation set", headings, rows, tuple(notes.reasons))


def _rows(entry: Entry, scores: Sequence[Score], notes: Footnotes) -> list[Row]:
    loss = estimate(entry.verdict.metrics.get("quality_loss"), COLUMNS["quality_loss"], notes)
    own = [s for s in scores if s.candidate_key == entry.key]
    if not own:
        gone = absent("not measured", _NO_SCORE, notes)
        return [Row((*_head(entry), text(""), gone, gone, gone, loss, text("")), entry.role)]
    first, *others = [(*_head(entry), *_measured(score)) for score in own]
    same = Cell("", title="one loss for all metrics of a candidate")
    return [
        Row((*first[:-1], loss, first[-1]), entry.role),
        *(Row((*other[:-1], same, other[-1]), entry.role) for other in others),
    ]


def _head(entry: Entry) -> tuple[Cell, Cell]:
    return text(entry.number), text(entry.verdict.candidate.label)


def _measured(score: Score) -> tuple[Cell, ...]:
    errors, units = (sum(getattr(i, name) for i in score.items) for name in ("errors", "count"))
    return (
        text(_METRIC_NAMES.get(score.metric, score.metric)),
        number(significant(score.value * 100)),
        number(f"{errors:,.0f}", f"of {units:,.0f}"),
        number(f"{len(score.items):,}"),
        text(", ".join(f"{_words(name)} {_detail(name, value)}" for name, value in sorted(score.details.items()))),
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _detail(name: str, value: float) -> str:
    rate = any(name == m or name.startswith(f"{m}_at") for m in _METRIC_NAMES)
    return percent(value) if rate else significant(value)
