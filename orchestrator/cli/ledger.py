"""``earshot ledger``: studies, streams, sessions, percentiles, export-matrix; other verbs are in files of their own."""

from pathlib import Path
from typing import Any

import click

from orchestrator.cli.ledger_compact import compact
from orchestrator.cli.ledger_place import attach, migrate, upgrade
from orchestrator.cli.ledger_prune import prune
from orchestrator.cli.ledger_roles import roles
from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.ledger import queries
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.streams import streams_held
from orchestrator.ledger.verdicts import verdicts_frame


@click.group()
def ledger() -> None:
    """Look into the ledger: studies, sessions, percentiles."""


@ledger.command()
@results_option
@json_option
def studies(results: Path, as_json: bool) -> None:
    """Show every study, oldest first."""
    with Ledger.open(results / "ledger.db", create=False) as book:
        found = book.studies()
    if as_json:
        print_json(found)
        return
    print_table(
        ["study", "model", "device", "started (UTC)", "status"],
        [[s.study_id, s.model, s.device, s.started_utc, s.status] for s in found],
    )


@ledger.command()
@click.argument("device", required=False)
@results_option
@json_option
def streams(device: str | None, results: Path, as_json: bool) -> None:
    """Show how many concurrent streams DEVICE holds, or every device: what `earshot run --mode multi` found."""
    with Ledger.open(results / "ledger.db", create=False) as book:
        found = streams_held(book, device)
    if as_json:
        print_json(found)
        return
    print_table(
        [
            "device",
            "model",
            "candidate",
            "sharing",
            "budget>",
            "late after>",
            "streams held>",
            "bounds>",
            "found (UTC)",
        ],
        [
            [
                *(one.device, one.model, one.candidate, one.sharing),
                *(f"{100 * one.miss_budget:g} %", f"{one.deadline_ms:g} ms", str(one.value)),
                f"{one.low}..{'' if one.high is None else one.high}",
                one.at_utc,
            ]
            for one in found
        ],
    )


@ledger.command()
@click.argument("study", required=False)
@results_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV of every session, for a spreadsheet or pandas.")
@click.option("--verdicts", is_flag=True, help="Whether each can be believed, from its raw times, and why not.")
def sessions(study: str | None, results: Path, as_json: bool, as_csv: bool, verdicts: bool) -> None:
    """Show the sessions of STUDY, or of every study."""
    with Ledger.open(results / "ledger.db", create=False) as book:
        frame_of = verdicts_frame if verdicts else queries.sessions_frame
        frame = frame_of(book, queries.Where(study_id=study))
    if as_csv:
        click.echo(frame.to_csv(index=False), nl=False)
    elif as_json:
        click.echo(frame.to_json(orient="records", indent=2))
    else:
        columns = [
            c
            for c in ("session_id", "device", "model", "recipe", "mode", "block", "outcome", "verdict", "doubts")
            if c in frame
        ]
        print_table(columns, _texts(frame[columns]))


@ledger.command()
@click.argument("study", required=False)
@click.option("--of", "column", type=click.Choice(queries.TIMES), default="latency", show_default=True)
@click.option("--quantile", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.99, show_default=True)
@results_option
@json_option
def percentiles(study: str | None, column: str, quantile: float, results: Path, as_json: bool) -> None:
    """Show a percentile of every timed session from its raw times, or why it cannot be estimated."""
    with Ledger.open(results / "ledger.db", create=False) as book:
        frame = queries.percentile_per_session(book, column, quantile, queries.Where(study_id=study))
    if as_json:
        click.echo(frame.to_json(orient="records", indent=2))
    else:
        # All columns, and folded to nothing, would be 26; --json has them.
        columns = ["session_id", "device", "recipe", "n", "value_ns", "low_ns", "high_ns", "reason"]
        print_table(columns, _texts(frame[columns]))


def _texts(frame: Any) -> list[list[str]]:
    """A dash for what is absent. ``frame``: of pandas, which is imported with the queries."""
    return [
        ["-" if missing else str(value) for value, missing in zip(row, gone, strict=True)]
        for row, gone in zip(frame.to_numpy().tolist(), frame.isna().to_numpy().tolist(), strict=True)
    ]


@ledger.command("export-matrix")
@click.argument("study", required=False)
@click.option("--mode", type=click.Choice(["flat-out", "paced"]), default="flat-out", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; stdout without it.")
@results_option
def export_matrix(study: str | None, mode: str, output: Path | None, results: Path) -> None:
    """Write the sessions of STUDY, or of every study, as the matrix of runs that `earshot simulate` replays."""
    from orchestrator.measure.transports.base import whole_file
    from orchestrator.workflows.export_matrix import matrix_csv

    text = matrix_csv(results, study, mode)
    if output is None:
        click.echo(text, nl=False)
        return
    with whole_file(output) as file:
        file.write(text.encode())
    click.echo(f"{text.count(chr(10)) - 1} runs written to {output}", err=True)


ledger.add_command(attach)
ledger.add_command(upgrade)
ledger.add_command(migrate)
ledger.add_command(roles)
ledger.add_command(compact)
ledger.add_command(prune)
