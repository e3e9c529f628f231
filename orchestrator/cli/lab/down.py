"""``earshot lab down``"""

from pathlib import Path

import click

from orchestrator.cli.lab.options import folder_option


@click.command()
@folder_option
def down(folder: Path) -> None:
    """End the lab of this folder, also one whose process was killed. Its keys, logs and disks go with it."""
    from orchestrator.measure.standin.holding import take_down

    take_down(folder)
    click.echo(f"the lab in {folder} is down")
