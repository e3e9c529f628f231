"""How figures are printed: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from agents.strict_json import to_json
from orchestrator.domain.decision import Estimate


def print_json(value: Any) -> None:
    """``value``: dataclasses, mappings and sequences of them."""
    click.echo(json.dumps(to_json(value), indent=2, default=str))


# Where output goes into a file or a pipe nothing should be folded for a terminal that is not there.
_UNBOUND_WIDTH = 200


def console() -> Console:
    """Standard output, as wide as the terminal is."""
    made = Console()
    return made if made.is_terminal else Console(width=_UNBOUND_WIDTH)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A column whose name ends in ``>`` is aligned to the right and never folded."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column in columns:
        right = column.endswith(">")
        justify: JustifyMethod = "right" if right else "left"
        table.add_column(column.rstrip(">"), justify=justify, overflow="fold", no_wrap=right)
    for row in rows:
        table.add_row(*map(escape, row))
    console().print(table)


def figure(estimate: Estimate | None, *, scale: float = 1.0, interval: bool = False) -> str:
    """Three significant digits, or a dash where it was not measured: absent is never zero."""
    if estimate is None or estimate.value is None:
        return "-"
    text = number(estimate.value * scale)
    if not interval or estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{number(estimate.low * scale)}..{number(estimate.high * scale)}]"


def number(value: float) -> str:
    """Three significant digits, without an exponent for what people meet here."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:.0f}"
    if magnitude >= 10:
        return f"{value:.1f}"
    if magnitude >= 1:
        return f"{value:.2f}"
    return f"{value:.3g}" if magnitude >= 1e-4 else f"{value:.1e}"
