"""``earshot lab link``, ``cut`` and ``restore``"""

import dataclasses
from pathlib import Path

import click

from orchestrator.cli.lab.options import (
    delay_option,
    folder_option,
    jitter_option,
    loss_option,
    mbit_option,
    name_argument,
    quality,
)
from orchestrator.cli.lab.status import describe


@click.command()
@name_argument
@mbit_option
@delay_option
@jitter_option
@loss_option
@folder_option
def link(name: str, mbit: float | None, delay_ms: float, jitter_ms: float, loss: float, folder: Path) -> None:
    """Set the link of stand-in NAME; what is left out is unlimited or nothing. It holds at once, also for open
    connections.

    \b
    earshot lab link pi5 --mbit 100 --delay-ms 10
    earshot lab link pixel-8 --delay-ms 5 --jitter-ms 20 --loss 0.01
    earshot lab link pi5
    """
    from orchestrator.measure.standin import control

    wanted = quality(mbit, delay_ms, jitter_ms, loss)
    control.ask(folder, "link", name=name, **dataclasses.asdict(wanted))
    click.echo(f"{name}: {describe(wanted.rate_mbit, delay_ms, jitter_ms, loss)}")


@click.command()
@name_argument
@folder_option
def cut(name: str, folder: Path) -> None:
    """Cut the link of stand-in NAME, as a cable cut behind a switch: nothing passes, and neither end is told."""
    from orchestrator.measure.standin import control

    control.ask(folder, "cut", name=name)
    click.echo(f"{name}: cut; earshot lab restore {name} heals it")


@click.command()
@name_argument
@folder_option
def restore(name: str, folder: Path) -> None:
    """Put the cut link of stand-in NAME together."""
    from orchestrator.measure.standin import control

    control.ask(folder, "restore", name=name)
    click.echo(f"{name}: restored")
