"""``earshot devices release``"""

from pathlib import Path

import click

from orchestrator.cli.options import lab_option, results_option
from orchestrator.measure.lab.inventory import find_device, load_lab


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also what somebody else has: they cannot start another session then.")
@lab_option
@results_option
def release(name: str, force: bool, lab: Path | None, results: Path) -> None:
    """Give device NAME back before its lease ends.

    \b
    earshot devices release pi5 --lab lab.toml
    """
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.ledger.ledger import Ledger
    from orchestrator.workflows.by_hand import release_by_hand

    device = find_device(load_lab(lab), name)
    with Ledger.open(results / "ledger.db") as ledger, TerminalProgress() as progress:
        click.echo(release_by_hand(ledger, device, progress, force=force))
