"""How the latency that a user perceives is shown: a table of its parts beside the figures of the session."""

import click

from agents.strict_json import to_json
from orchestrator.cli.output import number, print_table
from orchestrator.domain.latency_budget import SUM, Budget, Part, budget
from orchestrator.domain.perceived import Perceived
from orchestrator.statistics.interval import Interval


def perceived_as_json(found: Perceived | str) -> object:
    return {"absent": found} if isinstance(found, str) else to_json(budget(found))


def print_perceived(found: Perceived | str) -> None:
    click.echo()
    if isinstance(found, str):
        click.echo(f"from the end of a word to its event: not measured, {found}")
        return
    shown = budget(found)
    click.echo(f"from the end of a word to its event, ms: {counted(shown)}")
    print_table(["part", "mean>", "p50>", "p95>"], [perceived_row(part) for part in shown.parts])
    total = shown.parts[-1]
    for reason in filter(None, (total.p50.reason, total.p95.reason)):
        click.echo(f"not estimable: {reason}")


def counted(shown: Budget) -> str:
    """``58 heard, 3 missed, 1 false event (61 words; L_k of its own session)``."""
    false = "1 false event" if shown.false_events == 1 else f"{shown.false_events} false events"
    return f"{shown.heard} heard, {shown.missed} missed, {false} ({shown.of})"


def perceived_row(part: Part) -> list[str]:
    name = f"= {part.name}" if part.name == SUM else part.name
    return [name, "-" if part.mean_ms is None else number(part.mean_ms), _interval(part.p50), _interval(part.p95)]


def _interval(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "not estimable"
    return f"{number(found.value)} [{number(found.low)}..{number(found.high)}]"
