"""Peak memory of each phase of each candidate, how it is known, and what it was made of."""

from collections.abc import Sequence

from agents import wire
from orchestrator.domain.memory import told
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, number

_PHASES = {"import": "Import", "load": "Load", "first-run": "First run", "steady": "Steady"}
_MB = 1e6
_PSS = "proportional set size, a snapshot after the stream, the highest of its runs: no peak"


def memory_table(content: ReportContent) -> Table:
    """The run with the highest peak of each phase; paced sessions, flat-out ones of what was only screened."""
    notes = Footnotes()
    unified = any(phase.available_drop_bytes is not None for s in content.sessions for phase in s.result.memory)
    headings = (
        Heading("#"),
        Heading("Candidate"),
        *(Heading(name, "MB", number=True) for name in _PHASES.values()),
        *([Heading("MemAvailable fell", "MB", number=True)] if unified else []),
        Heading("PSS", "MB", number=True),
    )
    rows = tuple(_row(content, entry, unified, notes) for entry in content.ranked())
    caption = "Peak resident memory of the session's process in each phase; below it the anonymous and file-backed part"
    return Table("memory", caption, headings, rows, tuple(notes.reasons))


def _row(content: ReportContent, entry: Entry, unified: bool, notes: Footnotes) -> Row:
    results = _results(content, entry)
    phases = [phase for result in results for phase in result.memory]
    cells = [_peak([p for p in phases if p.phase == name], notes) for name in _PHASES]
    if unified:
        cells.append(_highest([p.available_drop_bytes for p in phases], "it was not read", notes))
    pss = _highest([r.pss.pss_bytes if r.pss else None for r in results], "its sessions read none", notes, _PSS)
    return Row((*named(entry), *cells, pss), entry.role)


def _results(content: ReportContent, entry: Entry) -> list[wire.RunResult]:
    for mode in ("paced", "flat-out"):
        own = [s.result for s in content.decided_on(mode) if s.planned.candidate.key == entry.key]
        if own:
            return own
    return []


def _peak(phases: Sequence[wire.PhaseMemory], notes: Footnotes) -> Cell:
    known = [phase for phase in phases if phase.peak_bytes is not None]
    if not known:
        return absent("not measured", "no session of it read its memory in this phase", notes)
    highest = max(known, key=lambda phase: phase.peak_bytes or 0)
    shown = significant((highest.peak_bytes or 0) / _MB)
    if highest.method == wire.HWM_RESET:
        return Cell(shown, _parts(highest), told(highest), kind="number")
    sampled = highest.method == wire.SAMPLED
    bound = f"≤ {significant(highest.at_most_bytes / _MB)}" if sampled and highest.at_most_bytes is not None else ""
    text = f"≥ {shown}" if sampled else shown
    return Cell(text, bound or _parts(highest), told(highest), notes.number(_known_by(highest)), "number")


def _parts(phase: wire.PhaseMemory) -> str:
    if phase.rss_anon_bytes is None or phase.rss_file_bytes is None:
        return ""
    return f"{significant(phase.rss_anon_bytes / _MB)} + {significant(phase.rss_file_bytes / _MB)}"


def _known_by(phase: wire.PhaseMemory) -> str:
    if phase.method == wire.SAMPLED:
        return "sampled, as the kernel does not reset the peak: it lies between the two"
    if phase.method == wire.HWM_ROSE:
        return "the kernel does not reset the peak; it rose in this phase and so is the phase's own"
    return f"{phase.method}: the peak since the process began"


def _highest(values: Sequence[int | None], reason: str, notes: Footnotes, caveat: str | None = None) -> Cell:
    known = [value for value in values if value is not None]
    if not known:
        return absent("not measured", reason, notes)
    shown = number(significant(max(known) / _MB))
    return shown if caveat is None else Cell(shown.text, note=notes.number(caveat), kind="number")
