"""Each timed run of the study: its warm-up, how much its chunks resemble each other, and whether it is believed."""

from orchestrator.domain.run_course import run_course
from orchestrator.domain.session import Session
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, number, text


def run_table(content: ReportContent) -> Table:
    """By block and position; a session without times is not among them."""
    notes = Footnotes()
    headings = (
        Heading("Candidate"),
        Heading("Mode"),
        Heading("Block", number=True),
        Heading("Warm-up"),
        Heading("Left out", "chunks", number=True),
        Heading("Chunks", number=True),
        Heading("Autocorrelation", "lag 1", number=True),
        Heading("Worth", "independent chunks", number=True),
        Heading("Verdict"),
    )
    numbers = {entry.key: entry.number for entry in content.ranked()}
    rows = [row for session in content.sessions if (row := _row(content, session, numbers, notes))]
    caption = (
        "Each timed run: its start, and how much its chunks resemble each other, which is why intervals stand on runs"
    )
    return Table("runs", caption, headings, tuple(rows), tuple(notes.reasons))


def _row(content: ReportContent, session: Session, numbers: dict[str, int], notes: Footnotes) -> Row | None:
    key = session.planned.candidate.key
    course = run_course(session, content.sample_rate_hz)
    if course is None or key not in numbers:
        return None
    verdict = content.verdict_on(session)
    doubt = notes.number("; ".join(verdict.reasons)) if verdict.reasons else None
    cells = (
        text(f"{numbers[key]} · {session.planned.candidate.label}"),
        text(session.planned.mode, "once more" if session.planned.attempt else ""),
        number(str(session.planned.block + 1)),
        text(course.warm_up),
        number(f"{course.left_out:,}"),
        number(f"{course.chunks:,}"),
        number(f"{course.lag1:+.2f}".replace("-", "\u2212")),
        number(significant(course.independent, 0)),
        Cell(verdict.kind, note=doubt),
    )
    return Row(cells)
