"""``earshot telemetry status``"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import json_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger

if TYPE_CHECKING:
    from orchestrator.workflows.telemetry_status import TargetStatus


@click.command()
@results_option
@json_option
def status(results: Path, as_json: bool) -> None:
    """Show each server that was told something: how much of it, what waits, what it will never take, and since when
    it is away. Asks no server.
    """
    from orchestrator.workflows.telemetry_status import telemetry_status

    with Ledger.open(results / "ledger.db", create=False) as ledger:
        found = telemetry_status(ledger)
    if as_json:
        print_json(found)
        return

    def row(each: "TargetStatus") -> list[str]:
        target, waiting = each.target, each.waiting
        waits = f"{waiting.samples} since {each.oldest_utc}" if waiting.samples else "-"
        refused = ", ".join(f"{r.samples} {r.reason}" for r in each.refused) or "-"
        return [target.url, str(target.sent_samples), waits, refused, target.succeeded_utc or "-", _health(each)]

    click.echo(f"outbox: {found.entries} entries with {found.samples} samples; {found.untold} sessions not in it yet")
    if not found.targets:
        click.echo("no server was told anything: earshot telemetry push --url http://...")
        return
    columns = ["server", "samples sent>", "waiting", "never taken", "last success (UTC)", "state"]
    print_table(columns, map(row, found.targets))


def _health(each: "TargetStatus") -> str:
    target = each.target
    return "ok" if target.failure is None else f"away since {target.failing_since_utc}: {target.failure}"


@click.command()
@click.option("--url", required=True, help="As `earshot telemetry status` shows it.")
@results_option
def forget(url: str, results: Path) -> None:
    """Forget a server that is no more, so that nothing waits for it. Told again, it gets everything."""
    from orchestrator.ledger import outbox_targets

    with Ledger.open(results / "ledger.db", create=False) as ledger:
        if not outbox_targets.forget(ledger, url):
            known = ", ".join(target.url for target in outbox_targets.targets(ledger)) or "none"
            raise BadInput(f"no server {url} was told anything", hint=f"known: {known}")
    click.echo(f"{url} is forgotten")
