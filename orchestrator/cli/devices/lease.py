"""``earshot devices lease``"""

from pathlib import Path

import click

from orchestrator.cli.options import Duration, lab_option, results_option
from orchestrator.measure.lab.inventory import find_device, load_lab


@click.command()
@click.argument("name")
@click.option("--for", "for_s", type=Duration(), default="1h", show_default=True, help="How long: 30m, 2h, 1d.")
@click.option("--purpose", required=True, help="What for; others see it.")
@lab_option
@results_option
def lease(name: str, for_s: float, purpose: str, lab: Path | None, results: Path) -> None:
    """Keep others off device NAME for a while, for work by hand.

    tune and run take a lease by themselves. Given again by the same person it is extended; earshot devices release
    ends it.

    \b
    earshot devices lease pi5 --for 2h --purpose "changing the fan" --lab lab.toml
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.ledger.ledger import Ledger
    from orchestrator.measure.lab.lease import spell
    from orchestrator.workflows.by_hand import lease_by_hand

    device = find_device(load_lab(lab), name)
    with Ledger.open(results / "ledger.db") as ledger, TerminalProgress() as progress:
        taken = lease_by_hand(ledger, device, for_s, purpose, progress)
    click.echo(f"{name} is yours ({taken.lease.holder}) for {spell(for_s)}, token {taken.lease.token}")
    if taken.only_here is not None:
        click.echo(f"only controllers of this ledger know that: {taken.only_here}", err=True)
