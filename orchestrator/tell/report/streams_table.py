"""How many concurrent streams the device holds, where somebody searched for it: the newest search of each candidate."""

from orchestrator.domain.streams_held import FAILS, StreamsHeld
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, number, text

_HEADINGS = (
    Heading("#"),
    Heading("Candidate"),
    Heading("Streams held", number=True),
    Heading("Shown to hold", number=True),
    Heading("Shown to fail", number=True),
    Heading("Late chunks allowed", "of all", number=True),
    Heading("Late after", "ms", number=True),
    Heading("Share the device as"),
    Heading("Measured"),
)


def streams_table(content: ReportContent) -> Table | None:
    """None where no candidate of the study was searched on its device."""
    notes = Footnotes()
    newest = {(held.candidate_key, held.sharing): held for held in content.streams}
    rows = tuple(
        _row(entry, held, notes)
        for entry in content.ranked()
        for (key, _), held in sorted(newest.items())
        if key == entry.key
    )
    return (
        Table("streams", "The newest search with each candidate on this device", _HEADINGS, rows, tuple(notes.reasons))
        if rows
        else None
    )


def _row(entry: Entry, held: StreamsHeld, notes: Footnotes) -> Row:
    failed = [one.streams for one in held.tried if one.verdict == FAILS]
    least = number(str(min(failed))) if failed else text(f"none up to {held.most}", held.most_reason)
    runs = sum(len(one.runs) for one in held.tried)
    doubt = notes.number("; ".join(held.contradictions)) if held.contradictions else None
    return Row(
        (
            *named(entry),
            Cell(str(held.value), note=doubt, kind="number"),
            number(str(held.low)),
            least,
            number(f"{100 * held.miss_budget:g} %"),
            number(f"{held.deadline_ms:g}"),
            text(held.sharing),
            text(held.at_utc, f"{runs} runs of {held.seconds:g} s"),
        ),
        entry.role,
    )
