"""``earshot lab reboot`` and ``power``"""

from pathlib import Path

import click

from orchestrator.cli.lab.options import folder_option, name_argument


@click.command()
@name_argument
@folder_option
def reboot(name: str, folder: Path) -> None:
    """Pull the plug of stand-in NAME and put it in again: all that ran there is gone, its disk stays."""
    from orchestrator.measure.standin import control

    control.ask(folder, "reboot", name=name)
    click.echo(f"{name}: rebooted")


@click.command()
@name_argument
@click.argument("state", type=click.Choice(["off", "on"]))
@folder_option
def power(name: str, state: str, folder: Path) -> None:
    """Switch stand-in NAME off or on."""
    from orchestrator.measure.standin import control

    control.ask(folder, "power", name=name, on=state == "on")
    click.echo(f"{name}: {state}")
