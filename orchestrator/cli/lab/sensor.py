"""``earshot lab sensor``"""

from pathlib import Path

import click

from orchestrator.cli.lab.options import folder_option, name_argument


@click.command(context_settings={"ignore_unknown_options": True})
@name_argument
@click.argument("sensor")
@click.argument("value")
@folder_option
def sensor(name: str, sensor: str, value: str, folder: Path) -> None:
    """Make SENSOR of stand-in NAME show VALUE, also while a session runs.

    \b
    earshot lab sensor pi5 temperature_c 84.5
    earshot lab sensor pi5 throttled 0x50000        under-voltage and throttled since boot
    earshot lab sensor pi5 core_current_a 3.1
    earshot lab sensor orin-nano input_current_ma 1800
    earshot lab sensor pixel-8 battery Charging
    """
    from orchestrator.measure.standin import control

    control.ask(folder, "sensor", name=name, sensor=sensor, value=value)
    click.echo(f"{name}: {sensor} shows {value}")
