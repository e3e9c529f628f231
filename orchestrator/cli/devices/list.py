"""``earshot devices list``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, lab_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab


@click.command("list")
@lab_option
@json_option
def list_(lab: Path | None, as_json: bool) -> None:
    """Show the devices of the lab; local is always one of them."""
    found = load_lab(lab)
    if as_json:
        print_json(list(found.devices.values()))
        return
    print_table(
        ["device", "transport", "address", "profile", "tags"],
        [[d.name, d.transport, _address(d), d.profile or "-", " ".join(d.tags)] for d in found.devices.values()],
    )


def _address(device: Device) -> str:
    return device.host or (f"USB {device.serial}" if device.serial else "this machine")
