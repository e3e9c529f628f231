"""``earshot lab status``"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.lab.options import folder_option
from orchestrator.cli.options import json_option
from orchestrator.cli.output import number, print_json, print_table


@click.command()
@folder_option
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Show the stand-ins, how each is reached, and the state of its link."""
    from orchestrator.measure.standin import control

    rows = control.ask(folder, "status")
    if as_json:
        print_json(rows)
    else:
        print_lab(rows)


def print_lab(rows: Iterable[Mapping[str, Any]]) -> None:
    """A row per stand-in; one that could not be had with its reason."""
    print_table(
        ["stand-in", "state", "reached by", "address", "link", "profile", "processes>"],
        [_row(row) for row in rows if row["state"] != "missing"],
    )
    for row in rows:
        if row["state"] == "missing":
            click.echo(f"not here: {row['name']}: {row['reason']}")


def _row(row: Mapping[str, Any]) -> list[str]:
    link = describe(row["rate_mbit"], row["delay_ms"], row["jitter_ms"], row["loss"])
    profile = row["profile"] or "-"
    return [row["name"], row["state"], row["transport"], row["address"], link, profile, str(row["processes"])]


def describe(rate_mbit: float | None, delay_ms: float, jitter_ms: float, loss: float) -> str:
    """A link in words, such as ``100 Mbit/s, 10 ms each way``."""
    parts = [f"{number(rate_mbit)} Mbit/s" if rate_mbit else "unlimited"]
    parts += [f"{number(delay_ms)} ms each way"] if delay_ms else []
    parts += [f"up to {number(jitter_ms)} ms more"] if jitter_ms else []
    parts += [f"{number(100 * loss)} % lost"] if loss else []
    return ", ".join(parts)
