"""The figures of a cascade as tables."""

from orchestrator.domain.cascade_budget import DETAIL, END_TO_END, BudgetRow
from orchestrator.domain.cascade_told import CascadeTold, StageTold
from orchestrator.domain.latency_budget import Part
from orchestrator.statistics.interval import Interval
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.tables import Cell, Footnotes, Heading, Row, Table, absent, number, text

_PERCENTILES = tuple(Heading(name, "ms", number=True) for name in ("p50", "p95", "p99"))


def budget_table(told: CascadeTold, name: str) -> Table:
    notes = Footnotes()
    headings = (
        Heading("Stage"), Heading("Part"), Heading("Budget", "ms", number=True), Heading("n", number=True),
        Heading("Mean", "ms", number=True), *_PERCENTILES, Heading("Over", number=True), Heading("Verdict"),
    )  # fmt: skip
    rows = tuple(_row(row, notes) for row in told.rows if row.kind not in (DETAIL, END_TO_END))
    caption = f"{told.cascade.name}: each stage against its budget. Percentiles do not add up as means do"
    return Table(f"budget-{name}", caption, headings, rows, tuple(notes.reasons))


def _row(row: BudgetRow, notes: Footnotes) -> Row:
    known = [f"{q} {verdict}" for q, verdict in zip(("p50", "p95", "p99"), row.verdicts, strict=False)]
    over = text("—") if row.over is None else number(f"{row.over} of {row.n}")
    given = text("—") if row.budget_ms is None else number(significant(row.budget_ms))
    verdict = text(row.verdict or "—", ", ".join(known))
    return Row((text(row.stage), text(row.part), given, *_figures(row, notes), over, verdict))


def waits_table(told: CascadeTold, name: str) -> Table:
    notes = Footnotes()
    headings = (Heading("Who"), Heading("Waits"), Heading("n", number=True), Heading("Mean", "ms", number=True))
    rows = tuple(
        Row((text(row.stage), text(row.part), *_figures(row, notes)))
        for row in told.rows
        if row.kind in (DETAIL, END_TO_END)
    )
    caption = f"{told.cascade.name}: what a listener waits, and what explains it"
    return Table(f"waits-{name}", caption, (*headings, *_PERCENTILES), rows, tuple(notes.reasons))


def partial_table(told: CascadeTold, name: str) -> Table | None:
    """None where it is not known when words end."""
    if isinstance(told.partial, str):
        return None
    notes, found = Footnotes(), told.partial
    headings = (Heading("Part"), Heading("Mean", "ms", number=True), *_PERCENTILES[:2])
    caption = (
        f"{told.cascade.name}: from the end of a word to the first result that has it; {found.heard} heard, "
        f"{found.missed} missed, {found.false_events} false"
    )
    rows = tuple(Row(_partial(part, notes)) for part in found.parts)
    return Table(f"partial-{name}", caption, headings, rows, tuple(notes.reasons))


def _partial(part: Part, notes: Footnotes) -> tuple[Cell, ...]:
    mean = text("—") if part.mean_ms is None else number(significant(part.mean_ms))
    return text(part.name), mean, *(_interval(each, notes) for each in (part.p50, part.p95))


def stage_table(told: CascadeTold, name: str) -> Table:
    headings = (
        Heading("Stage"), Heading("Runs"), Heading("Candidate"), Heading("Runtime"), Heading("Runs", number=True),
        *(Heading(each, "ms, p50", number=True) for each in ("Service", "Front end", "Graph", "Decoder")),
        Heading("Load", "ms", number=True), Heading("Libraries", "MB", number=True),
    )  # fmt: skip
    caption = (
        f"{told.cascade.name}: what runs where. Libraries: shared libraries that the stage's load brought into the "
        "process; those that an earlier stage brought are counted there"
    )
    return Table(f"stages-{name}", caption, headings, tuple(Row(_stage(stage)) for stage in told.stages))


def _stage(stage: StageTold) -> tuple[Cell, ...]:
    times = (stage.service_ms, stage.features_ms, stage.model_ms, stage.decode_ms)
    brought = text("—") if stage.libraries_mb is None else number(significant(stage.libraries_mb), f"{stage.libraries}")
    return (
        text(stage.name),
        text(stage.when),
        text(stage.model, stage.candidate),
        text(stage.runtime, stage.runtime_version or ""),
        number(f"{stage.runs:,}"),
        *(text("—") if each is None else number(significant(each)) for each in times),
        number(significant(stage.load_ms)),
        brought,
    )


def _figures(row: BudgetRow, notes: Footnotes) -> tuple[Cell, ...]:
    mean = text("—") if row.mean_ms is None else number(significant(row.mean_ms))
    return number(f"{row.n:,}"), mean, *(_interval(each, notes) for each in row.percentiles)


def _interval(found: Interval, notes: Footnotes) -> Cell:
    if found.value is None or found.low is None or found.high is None:
        return absent("not estimable", found.reason or "", notes)
    return number(significant(found.value), f"{significant(found.low)} … {significant(found.high)}")
