"""``earshot run --mode multi``: the search runs, and what came of it is shown."""

import re

import click

from orchestrator.cli.output import number, print_json, print_table
from orchestrator.cli.progress import TerminalProgress
from orchestrator.domain.streams_held import FAILS, HOLDS, StreamsHeld, StreamsRun, StreamsTried, streams_in_words
from orchestrator.workflows.reach import Ahead
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.streams import hold_streams

_CELLS = 32
_MARKS = {HOLDS: "#", FAILS: "x"}
_DOUBTFUL_MARK = "?"
_COLORS = {HOLDS: "green", FAILS: "red"}


def run_streams(settings: RunSettings, as_json: bool, ahead: Ahead | None) -> None:
    with TerminalProgress() as progress:
        found = hold_streams(settings, progress, ahead)
    if as_json:
        print_json({"streams_held": found})
    else:
        print_streams_held(found)


def print_streams_held(found: StreamsHeld) -> None:
    """A table of what was tried, the miss rates as bars, and the answer in words."""
    print_table(
        ["streams>", "verdict", "miss rate>", "interval", "runs>", "p50>", "p99>", "busy>", "note"],
        [_row(one) for one in found.tried],
    )
    click.echo()
    _plot(found)
    click.echo()
    click.echo(_sentence(found))
    for line in (*found.contradictions, *_doubts(found)):
        click.echo(f"note: {line}")


def _row(one: StreamsTried) -> list[str]:
    rate = one.miss_rate
    ends = "-" if rate.low is None or rate.high is None else f"{_percent(rate.low)} .. {_percent(rate.high)}"
    last = one.runs[-1]
    return [
        str(one.streams),
        one.verdict,
        "-" if rate.value is None else _percent(rate.value),
        ends,
        str(len(one.runs)),
        _ms(last.latency_p50_ms),
        _ms(last.latency_p99_ms),
        f"{last.busy_share:.2f}",
        one.why,
    ]


def _plot(found: StreamsHeld) -> None:
    """A line for each number that was tried; its length is the miss rate, on a scale that ends at ten budgets."""
    full = min(1.0, 10 * found.miss_budget)
    mark = round(_CELLS * found.miss_budget / full)
    click.echo(f"miss rate, 0 to {100 * full:g} %; | is the budget of {_budget(found)}")
    for one in found.tried:
        rate = one.miss_rate.value
        cells = _CELLS if rate is None else min(_CELLS, round(_CELLS * rate / full))
        bar = (_MARKS.get(one.verdict, _DOUBTFUL_MARK) * cells).ljust(_CELLS)
        bar = bar[:mark] + "|" + bar[mark:]
        more = ">" if rate is not None and rate > full else " "
        click.echo(f"{one.streams:>8} {click.style(bar, fg=_COLORS.get(one.verdict, 'yellow'))}{more} {one.verdict}")


def _sentence(found: StreamsHeld) -> str:
    return (
        f"{found.device} holds {streams_in_words(found.value)} of {found.model} ({found.candidate}, {found.sharing}) "
        f"with at most {_budget(found)} of chunks later than {found.deadline_ms:g} ms: {_range(found)}"
    )


def _range(found: StreamsHeld) -> str:
    if found.high is None:
        return f"{found.low} shown to hold, and none failed up to {found.most} ({found.most_reason})"
    if found.low == found.high:
        return f"{found.low} shown to hold, {found.high + 1} to fail"
    return f"{found.low} shown to hold, {found.high + 1} to fail, between them it stays doubtful"


def _doubts(found: StreamsHeld) -> list[str]:
    """What was suspect or no evidence, once for each reason."""
    runs: list[StreamsRun] = [run for one in found.tried for run in one.runs]
    told: dict[str, list[StreamsRun]] = {}
    for run in runs:
        for reason in (run.ruled_out, run.suspect):
            if reason:
                # The figures in it differ from run to run.
                told.setdefault(re.sub(r"\d+(\.\d+)?", "..", reason), []).append(run)
    return [
        f"{len(some)} of {len(runs)} runs: {some[0].ruled_out or some[0].suspect}"
        + (", or alike" if len(some) > 1 else "")
        for some in told.values()
    ]


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _budget(found: StreamsHeld) -> str:
    return f"{100 * found.miss_budget:g} %"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{number(value)} ms"
