"""``earshot devices health``, ``unquarantine`` and ``power``."""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, lab_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.measure.lab.inventory import find_device, load_lab


@click.command()
@click.argument("name")
@lab_option
@results_option
@json_option
def health(name: str, lab: Path | None, results: Path, as_json: bool) -> None:
    """Show what happened to device NAME: failures, quarantine, power cycles with what their hook said."""
    from orchestrator.ledger.health import events, health_of
    from orchestrator.ledger.ledger import Ledger

    find_device(load_lab(lab), name)
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        found, log = health_of(ledger, name), events(ledger, name)
    if as_json:
        print_json({"health": found, "events": log})
        return
    state = f"in quarantine since {found.quarantined_utc}: {found.reason}" if found.quarantined else "in use"
    click.echo(f"{name}: {state}; {found.failures} failures in a row")
    print_table(["when (UTC)", "what", "detail"], [[e.at_utc, e.kind, e.detail] for e in log])


@click.command()
@click.argument("name")
@click.option("--because", required=True, help="Why it is fit again; kept in its log.")
@lab_option
@results_option
def unquarantine(name: str, because: str, lab: Path | None, results: Path) -> None:
    """Let device NAME out of quarantine on your word; earshot devices doctor does it on evidence."""
    from orchestrator.ledger.health import release_quarantine
    from orchestrator.ledger.ledger import Ledger
    from orchestrator.measure.lab.holder import person

    find_device(load_lab(lab), name)
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        was = release_quarantine(ledger, name, f"{person()}: {because}")
    click.echo(f"{name} is in use again" if was else f"{name} was not in quarantine; its failures count from 0 again")


@click.command()
@click.argument("name")
@click.argument("action", type=click.Choice(["cycle", "on", "off"]))
@lab_option
@results_option
def power(name: str, action: str, lab: Path | None, results: Path) -> None:
    """Switch the power of device NAME by its hook in the lab file: a command that runs here, without a shell.

    \b
    [devices.pi5.hooks]
    power_cycle = ["uhubctl", "--location", "1-1", "--ports", "2", "--action", "cycle"]
    """
    from orchestrator.ledger.ledger import Ledger
    from orchestrator.measure.lab.health import power as switch

    device = find_device(load_lab(lab), name)
    with Ledger.open(results / "ledger.db") as ledger:
        output = switch(ledger, device, action)
    click.echo(output.rstrip() or f"{name}: power {action} done")
