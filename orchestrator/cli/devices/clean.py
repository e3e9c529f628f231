"""``earshot devices clean``"""

from pathlib import Path

import click

from orchestrator.cli.options import lab_option
from orchestrator.measure.lab.inventory import find_device, load_lab


@click.command()
@click.argument("name", default="local")
@lab_option
@click.option("--blobs", is_flag=True, help="Also remove pushed models and audio; the next run pushes them again.")
def clean(name: str, lab: Path | None, blobs: bool) -> None:
    """Remove finished sessions (and with --blobs the cache) that Earshot left on a device."""
    from orchestrator.cli.progress import TerminalProgress
    from orchestrator.measure.deploy.clean import clean as clean_device
    from orchestrator.workflows.prepare import deploy_agent

    with TerminalProgress() as progress:
        agent, _ = deploy_agent(find_device(load_lab(lab), name), progress)
        try:
            removed = clean_device(agent, blobs=blobs)
        finally:
            agent.transport.close()
    for item in removed:
        click.echo(item)
    click.echo(f"{len(removed)} removed from {name}", err=True)
