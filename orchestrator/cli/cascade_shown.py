"""A cascade that ran, on the terminal: the budget table first, then what explains it."""

from collections.abc import Sequence
from pathlib import Path

import click

from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.perceived import counted, perceived_row
from orchestrator.domain.cascade_budget import DETAIL, DOUBTFUL, END_TO_END, MET, MISSED, SUM, BudgetRow
from orchestrator.domain.cascade_ratio import CascadeRatio, cascade_ratios
from orchestrator.domain.cascade_told import CascadeTold, StageTold
from orchestrator.domain.latency_budget import Budget
from orchestrator.domain.session_verdict import INVALID
from orchestrator.statistics.interval import Interval
from orchestrator.workflows.cascade import RanCascade
from orchestrator.workflows.cascade_page import write_cascade_page
from orchestrator.workflows.cascade_told import told

_COLOURS = {MET: "green", MISSED: "red", DOUBTFUL: "yellow"}


def show_one(ran: RanCascade, results: Path, as_json: bool) -> None:
    found = told(ran)
    page = write_cascade_page([ran], [found], results)
    if as_json:
        print_json({"cascade": found, "page": str(page)})
        return
    print_told(found)
    click.echo(str(page))


def show_both(ran: Sequence[RanCascade], results: Path, as_json: bool) -> None:
    """The second of two cascades against the first."""
    found = [told(each) for each in ran]
    page = write_cascade_page(ran, found, results)
    ratios = cascade_ratios(ran[0].times, ran[1].times)
    if as_json:
        print_json({"cascades": found, "ratios": ratios, "page": str(page)})
        return
    for each in found:
        click.secho(each.cascade.name, bold=True)
        print_table(
            ["stage", "part", "budget>", "n>", "mean>", "p50>", "p95>", "p99>", "over>", "verdict"],
            [_row(row) for row in each.rows if row.kind not in (DETAIL, END_TO_END)],
        )
        click.echo()
    names = [each.cascade.name for each in found]
    print_table(
        ["medians of runs", f"{names[0]}>", f"{names[1]}>", "B / A>", "95 % interval>", "runs>"],
        [_ratio_row(ratio) for ratio in ratios if ratio.a_ms is not None],
    )
    _print_doubts(found)
    click.echo(str(page))


def _ratio_row(found: CascadeRatio) -> list[str]:
    ratio = found.ratio
    interval = "-" if ratio.low is None or ratio.high is None else f"{ratio.low:.3f}..{ratio.high:.3f}"
    shown = "-" if ratio.value is None else f"{ratio.value:.3f}"
    return [found.part, f"{_ms(found.a_ms)} ms", f"{_ms(found.b_ms)} ms", shown, interval, f"{ratio.n} pairs"]


def print_told(found: CascadeTold) -> None:
    print_table(
        ["stage", "part", "budget>", "n>", "mean>", "p50>", "p95>", "p99>", "over>", "verdict"],
        [_row(row) for row in found.rows if row.kind not in (DETAIL, END_TO_END)],
    )
    _print_reasons(found.rows)
    click.echo()
    print_table(
        ["what a listener waits, ms", "part", "n>", "mean>", "p50>", "p95>", "p99>"],
        [_plain(row) for row in found.rows if row.kind in (DETAIL, END_TO_END)],
    )
    click.echo()
    _print_partial(found.partial)
    click.echo()
    print_table(
        ["stage", "runs", "model", "candidate", "runs>", "service p50>", "features>", "model>", "decode>", "load>",
         "libraries>"],
        [_stage(stage) for stage in found.stages],
    )  # fmt: skip
    click.echo()
    click.echo(_sentence(found))
    _print_doubts([found])


def _print_doubts(every: Sequence[CascadeTold]) -> None:
    for found in every:
        name = f"{found.cascade.name}: " if len(every) > 1 else ""
        for line in found.not_hardware:
            click.secho(f"{name}{line}", fg="yellow")
        for doubt in found.doubts:
            click.secho(f"{name}{doubt}", fg="yellow")
    if any(found.verdict == INVALID for found in every):
        click.secho("not valid: these figures are not what the device does, and nothing follows from them", fg="red")


def _row(row: BudgetRow) -> list[str]:
    name = f"= {row.stage}" if row.kind == SUM else row.stage
    over = "-" if row.over is None else f"{row.over} of {row.n}"
    return [
        name,
        row.part,
        "-" if row.budget_ms is None else f"{row.budget_ms:g} ms",
        str(row.n),
        _ms(row.mean_ms),
        *(_interval(each) for each in row.percentiles),
        over,
        _verdicts(row),
    ]


def _plain(row: BudgetRow) -> list[str]:
    return [row.stage, row.part, str(row.n), _ms(row.mean_ms), *(_interval(each) for each in row.percentiles)]


def _verdicts(row: BudgetRow) -> str:
    """``met p50, p95``; percentiles that are not estimable have none."""
    told_: dict[str, list[str]] = {}
    for name, verdict in zip(("p50", "p95", "p99"), row.verdicts, strict=False):
        if verdict in _COLOURS:
            told_.setdefault(verdict, []).append(name)
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in told_.items()) or "-"


def _interval(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "-"
    return f"{number(found.value)} [{number(found.low)}..{number(found.high)}]"


def _ms(value: float | None) -> str:
    return "-" if value is None else number(value)


def _print_reasons(rows: tuple[BudgetRow, ...]) -> None:
    """Once for each percentile: what it needs, whatever there is."""
    reasons = {each.reason.partition(",")[0] for row in rows for each in row.percentiles if each.reason}
    if reasons:
        click.echo(f"-: not estimable: {'; '.join(sorted(reasons))}")


def _print_partial(found: Budget | str) -> None:
    if isinstance(found, str):
        click.echo(f"from the end of a word to the first result that has it: not measured, {found}")
        return
    click.echo(f"from the end of a word to the first result that has it, ms: {counted(found)}")
    print_table(["part", "mean>", "p50>", "p95>"], [perceived_row(part) for part in found.parts])


def _stage(stage: StageTold) -> list[str]:
    brought = "-" if stage.libraries_mb is None else f"{number(stage.libraries_mb)} MB in {stage.libraries}"
    return [
        stage.name,
        stage.when,
        stage.model,
        f"{stage.candidate} ({stage.runtime} {stage.runtime_version})",
        str(stage.runs),
        *(_ms(value) for value in (stage.service_ms, stage.features_ms, stage.model_ms, stage.decode_ms)),
        f"{number(stage.load_ms)} ms",
        brought,
    ]


def _sentence(found: CascadeTold) -> str:
    unspoken = "" if not found.unspoken else f", {found.unspoken} of them without a spoken word"
    answers = f"{found.answered} answered" if len(found.cascade.stages) == 3 else "no language model"
    return (
        f"{found.cascade.name} on {found.device}: {found.utterances} utterances in {number(found.seconds)} s{unspoken}"
        f", {answers}; one thread, {found.cascade.order}; at most {found.backlog_chunks} chunks waited for "
        f"{found.cascade.stages[0].name}; issued late by {number(found.lateness_p99_ms)} ms in p99"
    )
