"""Which execution provider did the work, whether it computed the same, and which nodes took the time."""

from agents import wire
from orchestrator.domain.operator_profile import folded
from orchestrator.domain.placement import fell_back
from orchestrator.domain.session import Session
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.content import Entry, ReportContent, family
from orchestrator.tell.report.facts import joined
from orchestrator.tell.report.numbers import percent, significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, number, text

# Of each profile that is shown.
_TOP = 8
_NOT_TIMED = "the runtime names its nodes and does not time them"


def placement_table(content: ReportContent) -> Table:
    """The provider asked for against those that ran, read from the profile of a run of its own."""
    notes = Footnotes()
    headings = (
        Heading("#"),
        Heading("Candidate"),
        Heading("Asked for"),
        Heading("Ran", "share of node time"),
        Heading("Same as the CPU"),
    )
    sessions = _sessions(content)
    rows = tuple(Row((*_asked(e), *_ran(sessions.get(_family(e)), notes)), e.role) for e in content.ranked())
    return Table("placement", "Execution provider actually used", headings, rows, tuple(notes.reasons))


def operator_table(content: ReportContent) -> Table | None:
    """The nodes that took the time, of the winner and of the default; None where neither was profiled."""
    sessions = _sessions(content)
    shown = [e for e in content.ranked() if e.role in ("winner", "default") and _family(e) in sessions]
    rows = [row for entry in shown for row in _operators(entry, sessions[_family(entry)])]
    headings = (
        Heading("#"),
        Heading("Node"),
        Heading("Operator"),
        Heading("Provider"),
        Heading("Calls", number=True),
        Heading("Share", "of node time", number=True),
    )
    caption = "Nodes that took the time, from a profiled run of its own: shares rank them, and are no times"
    return Table("operators", caption, headings, tuple(rows)) if rows else None


def _sessions(content: ReportContent) -> dict[str, Session]:
    return {family(s.planned.candidate): s for s in content.decided_on("placement")}


def _family(entry: Entry) -> str:
    return family(entry.verdict.candidate)


def _asked(entry: Entry) -> tuple[Cell, Cell, Cell]:
    return *named(entry), text(_short(entry.verdict.candidate.provider))


def _ran(session: Session | None, notes: Footnotes) -> tuple[Cell, Cell]:
    if session is None:
        missing = absent("not measured", "no placement session of this candidate finished", notes)
        return missing, missing
    result = session.result
    parity = _parity(result.parity)
    if not result.placement:
        return absent("not measured", "the profile of the placement session names no provider", notes), parity
    why = fell_back(session.planned.candidate.provider, result)
    operators = joined(sorted({o for p in result.placement for o in p.operators}))
    detail = f"fell back: {why}" if why else result.fallback or ""
    return Cell(joined(map(_provider, result.placement)), detail, title=operators), parity


def _provider(share: wire.ProviderShare) -> str:
    """For example ``OpenVINO 97.8 % (17 nodes for 104 of the graph)``."""
    stands_for = "" if share.graph_nodes in (None, share.nodes) else f" for {share.graph_nodes} of the graph"
    nodes = f"({share.nodes} node{'s' if share.nodes != 1 else ''}{stands_for})"
    time = "" if share.time_share is None else f" {percent(share.time_share)}"
    return f"{_short(share.provider)}{time} {nodes}"


def _parity(parity: wire.DeviceParity | None) -> Cell:
    if parity is None:
        return text("-", title="it is the CPU, or its runtime has nothing to compare with")
    if parity.max_abs is None:
        return Cell("no", parity.reason or "", kind="absent")
    over = f"over {parity.chunk_count} chunks"
    return text("bit for bit" if parity.snr_db is None else f"{parity.snr_db:.1f} dB", over)


def _operators(entry: Entry, session: Session) -> list[Row]:
    top, rest = folded(session.result.operators, _TOP)
    rows = [
        Row(
            (
                text(entry.number),
                text(o.node),
                text(o.op),
                text(_short(o.provider)),
                number(f"{o.calls:,}"),
                _share(o.share),
            ),
            entry.role,
        )
        for o in top
    ]
    if rest is not None:
        words, blank = text(f"{rest.nodes} others"), text("")
        cells = (text(entry.number), words, blank, blank, number(f"{rest.calls:,}"), _share(rest.share))
        rows.append(Row(cells, entry.role))
    return rows


def _share(share: float | None) -> Cell:
    return Cell("-", title=_NOT_TIMED, kind="absent") if share is None else number(f"{significant(100 * share)} %")


def _short(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")
