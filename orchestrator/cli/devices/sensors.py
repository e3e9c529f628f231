"""``earshot devices sensors``"""

import json
from pathlib import Path

import click

from agents.strict_json import to_json
from orchestrator.cli.options import json_option, lab_option
from orchestrator.cli.output import number, print_table
from orchestrator.errors import BadInput
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.live_sensors import LiveSensor, View, look
from orchestrator.workflows.live_sensors import load_step as load_step_of

LOAD_STEP_S = 15.0
# Quantity -> (factor to the unit that is shown, the unit).
_UNITS = {
    "temperature_c": (1.0, "C"),
    "frequency_hz": (1e-6, "MHz"),
    "power_w": (1.0, "W"),
    "energy_j": (1.0, "J"),
    "voltage_v": (1.0, "V"),
}


@click.command()
@click.argument("name", default="local")
@lab_option
@click.option("--watch", is_flag=True, help="Read again and again, until Ctrl-C.")
@click.option("--every", default=1.0, show_default=True, help="Seconds between two looks with --watch.")
@click.option("--load-step", is_flag=True, help="Find the sign and unit of the battery's gauge, and keep them.")
@json_option
def sensors(name: str, lab: Path | None, watch: bool, every: float, load_step: bool, as_json: bool) -> None:
    """Show what each sensor of a device says now, what it measures and where that comes from.

    The device's own: temperatures, clocks, power rails, battery, energy counters, each with the reason where it cannot
    be read. With them the meter that lab.toml puts between the device and its supply (meter.*). Energy counts from the
    first look.

    Vendors differ in the sign and unit of a battery's current. --load-step finds them: on battery, 15 s at rest, then
    15 s with all cores busy. What it finds is kept on the device and used by every later session there.

    With --watch --json each look is one JSON object on a line of its own.

    \b
    earshot devices sensors
    earshot devices sensors pi5 --lab lab.toml --watch
    earshot devices sensors pixel-8 --lab lab.toml --load-step
    """
    from orchestrator.cli.progress import TerminalProgress

    if not 0.1 <= every <= 3600:
        raise BadInput(f"--every must be in 0.1..3600 seconds, got {every:g}")
    device = find_device(load_lab(lab), name)
    if load_step:
        if watch:
            raise BadInput("--load-step and --watch cannot both be meant")
        _print_gauge(device, as_json)
        return
    views: list[View] = []
    show = _print_line if as_json and watch else _show_again if watch else views.append
    try:
        with TerminalProgress() as progress:
            look(device, progress, show, every_s=every, count=0 if watch else 1)
    except KeyboardInterrupt:
        if not watch:
            raise
    for view in views:
        if as_json:
            click.echo(json.dumps(to_json(view), indent=2))
        else:
            _print(view)


def _print_gauge(device: Device, as_json: bool) -> None:
    from orchestrator.cli.progress import TerminalProgress

    with TerminalProgress() as progress:
        gauge = load_step_of(device, progress, seconds=LOAD_STEP_S)
    if as_json:
        click.echo(json.dumps(to_json(gauge)))
    else:
        sign = "positive" if gauge.sign > 0 else "negative"
        click.echo(f"the battery's gauge of {device.name} gives {gauge.unit}, {sign} while it discharges")


def _print_line(view: View) -> None:
    click.echo(json.dumps(to_json(view)))


def _show_again(view: View) -> None:
    click.clear()
    _print(view)
    click.echo("\nCtrl-C ends this")


def _print(view: View) -> None:
    for fact, value in view.facts.items():
        click.echo(f"{fact:<18} {value}")
    read = [sensor for sensor in view.sensors if sensor.probe.usable]
    absent = [sensor for sensor in view.sensors if not sensor.probe.usable]
    if read:
        print_table(["sensor", "now>", "unit", "measures", "age>", "source"], [_row(sensor) for sensor in read])
    if absent:
        click.echo()
        print_table(["not here", "why"], [[sensor.probe.name, sensor.reason or ""] for sensor in absent])


def _row(sensor: LiveSensor) -> list[str]:
    probe = sensor.probe
    factor, unit = _UNITS.get(probe.quantity, (1.0, probe.quantity))
    value = "-" if sensor.value is None else number(sensor.value * factor)
    age = "-" if sensor.age_s is None else f"{sensor.age_s:.1f} s"
    notes = [probe.source or "", "calibrated" if probe.calibrated else "", sensor.reason or ""]
    return [probe.name, value, unit, probe.scope or "", age, "; ".join(note for note in notes if note)]
