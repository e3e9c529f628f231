"""``earshot devices list``"""

from pathlib import Path

import click

from orchestrator.cli.options import json_option, lab_option
from orchestrator.cli.output import print_json, print_table
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
        ["device", "transport", "address", "tags"],
        [[d.name, d.transport, d.host or "this machine", " ".join(d.tags)] for d in found.devices.values()],
    )
