"""What a user waits from the end of a word to its event: a stacked bar for each candidate, and the table of its parts.

The audio's share comes from the sessions that decoded the whole evaluation, L_k from the paced ones.
"""

from dataclasses import dataclass

import altair as alt
import numpy as np

from orchestrator.domain.latency_budget import SUM, Budget, Part, budget
from orchestrator.domain.perceived import PARTS, perceived_of
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.statistics.interval import Interval
from orchestrator.tell.report.candidate_tables import named
from orchestrator.tell.report.chart import Chart, Rows, Words, drawn, inline, no_chart
from orchestrator.tell.report.content import Entry, ReportContent, family
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.samples import paced_runs, pooled
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, text

NAME, TITLE = "perceived", "From the end of a word to its event"
_COLOURS = ("var(--default)", "var(--rejected)", "var(--muted)", "var(--other)", "var(--winner)")
_ROW_HEIGHT = 30


@dataclass(frozen=True)
class Waited:
    """A candidate's budget on the utterances of the evaluation, or on its continuous track."""

    entry: Entry
    track: bool
    budget: Budget

    @property
    def short(self) -> str:
        return f"{self.entry.short}{' · track' if self.track else ''}"


def waits(content: ReportContent) -> list[Waited] | str:
    """Of each candidate with paced sessions whose family was evaluated; or why there is none."""
    runs = paced_runs(content)
    if not runs:
        return content.no_paced_times
    contracts = {artifact.sha256: artifact.contract for artifact in content.artifacts}
    found, reasons = [], ["no session decoded the evaluation"]
    for entry in content.ranked():
        for session in _evaluated(content, entry) if entry.key in runs else ():
            latency_ns = np.round(pooled(runs[entry.key]) * 1e6).astype(np.int64)
            got = perceived_of(session, contracts[session.planned.candidate.artifact_sha256], latency_ns)
            if isinstance(got, str):
                reasons.append(got)
            else:
                found.append(Waited(entry, len(session.result.decoded) == 1, budget(got)))
    return found or reasons[-1]


def _evaluated(content: ReportContent, entry: Entry) -> list[Session]:
    """The newest one that decoded the utterances, and the newest one that decoded the track."""
    own = family(entry.verdict.candidate)
    sessions = [s for s in content.sessions if s.ok and s.planned.mode == "evaluate"]
    relatives = [s for s in sessions if family(s.planned.candidate) == own]
    by_set = {s.planned.block >= VERIFY_BLOCK: s for s in relatives}
    return [by_set[verified] for verified in sorted(by_set)]


def perceived_chart(content: ReportContent) -> Chart:
    """Means are stacked, because they add up; the marks are percentiles of the sum."""
    found = waits(content)
    if isinstance(found, str):
        return no_chart(NAME, TITLE, found)
    order = [each.short for each in found]
    bars = [row for each in found for row in _bar(each)]
    marks = [row for each in found for row in _marks(each)]
    if not bars:
        return no_chart(NAME, TITLE, "no candidate heard a word in a chunk that was served")
    base = alt.Chart(inline(bars)).encode(y=_rows(order))
    stacked = base.mark_bar(height=14).encode(
        x=alt.X("ms:Q", title="ms after the end of the word", stack="zero"),
        color=_colour(),
        order="number:O",
        tooltip=["candidate:N", "part:N", alt.Tooltip("ms:Q", title="mean, ms", format=".3~r")],
    )
    points = alt.Chart(inline(marks)).encode(y=_rows(order))
    spread = points.mark_rule(strokeWidth=1.5, color="var(--ink)").encode(x="low:Q", x2="high:Q")
    tip = [
        "candidate:N",
        "statistic:N",
        *(alt.Tooltip(f"{name}:Q", format=".3~r") for name in ("value", "low", "high")),
    ]
    middle = points.transform_filter("datum.statistic == 'p50'").mark_tick(thickness=3, height=20, color="var(--ink)")
    tail = points.transform_filter("datum.statistic == 'p95'").mark_point(
        filled=True, size=70, color="var(--ink)", opacity=1
    )
    words = Words(
        NAME,
        TITLE,
        "Bars: the mean of each part, left of 0 where a model is sure before the word is over. Upright tick: p50 of "
        "the sum. Dot: its p95, where there are words enough. Lines: 95 % intervals over words. Missed words and "
        "false events are in no bar; the table counts them.",
        "; ".join(f"{each.short}: {_told(each)}" for each in found),
    )
    layers = alt.layer(stacked, spread, middle.encode(x="value:Q", tooltip=tip), tail.encode(x="value:Q", tooltip=tip))
    return drawn(words, layers, _ROW_HEIGHT * len(order) + 30)


def _rows(order: list[str]) -> alt.Y:
    return alt.Y("candidate:N", sort=order, title=None, axis=alt.Axis(grid=True, ticks=False))


def _colour() -> alt.Color:
    legend = alt.Legend(title=None, orient="top", labelColor="var(--muted)", labelLimit=220, columns=5)
    return alt.Color("part:N", scale=alt.Scale(domain=list(PARTS), range=list(_COLOURS)), legend=legend)


def _bar(waited: Waited) -> Rows:
    return [
        {"candidate": waited.short, "part": part.name, "number": n, "ms": part.mean_ms}
        for n, part in enumerate(waited.budget.parts)
        if part.name != SUM and part.mean_ms is not None
    ]


def _marks(waited: Waited) -> Rows:
    total = waited.budget.parts[-1]
    return [
        {"candidate": waited.short, "statistic": name, "value": each.value, "low": each.low, "high": each.high}
        for name, each in (("p50", total.p50), ("p95", total.p95))
        if each.value is not None
    ]


def _told(waited: Waited) -> str:
    total = waited.budget.parts[-1]
    return ", ".join(f"{name} {_words(each)}" for name, each in (("p50", total.p50), ("p95", total.p95)))


def _words(found: Interval) -> str:
    return "not estimable" if found.value is None else f"{significant(found.value)} ms"


def perceived_table(content: ReportContent) -> Table | None:
    """The parts with their p50 and p95, and what was heard; None where the chart says why there is none."""
    found = waits(content)
    if isinstance(found, str):
        return None
    notes = Footnotes()
    headings = (
        Heading("#"),
        Heading("Candidate"),
        Heading("Words", "heard, missed, false"),
        *(Heading(name[0].upper() + name[1:], "ms: p50, p95", number=True) for name in (*PARTS, SUM)),
    )
    rows = tuple(Row((*named(each.entry), _counted(each), *_parts(each, notes)), each.entry.role) for each in found)
    caption = (
        f"{TITLE}: emission delay + endpointing + lookahead + chunk wait + L_k. Percentiles do not add up as means do. "
        "L_k is drawn from the paced sessions; the rest is of the evaluation"
    )
    return Table(NAME, caption, headings, rows, tuple(notes.reasons))


def _counted(waited: Waited) -> Cell:
    shown = waited.budget
    where = "continuous track" if waited.track else "utterances"
    return text(f"{shown.heard}, {shown.missed}, {shown.false_events}", where)


def _parts(waited: Waited, notes: Footnotes) -> list[Cell]:
    return [_part(part, notes) for part in waited.budget.parts]


def _part(part: Part, notes: Footnotes) -> Cell:
    if part.p50.value is None:
        return absent("not estimable", part.p50.reason or "", notes)
    value = ", ".join("—" if each.value is None else significant(each.value) for each in (part.p50, part.p95))
    note = notes.number(part.p95.reason) if part.p95.reason else None
    detail = _spread(part) if part.name == SUM else ""
    return Cell(value, detail, note=note, kind="number")


def _spread(part: Part) -> str:
    known = [each for each in (part.p50, part.p95) if each.low is not None and each.high is not None]
    return "; ".join(f"{significant(each.low or 0.0)} … {significant(each.high or 0.0)}" for each in known)
