"""``earshot devices``: a file per verb."""

import click

from orchestrator.cli.lazy import lazy_group

VERBS = {
    "list": ("orchestrator.cli.devices.list:list_", "Show the devices of the lab."),
    "probe": ("orchestrator.cli.devices.probe:probe", "Ask a device what it is and what it can run."),
    "doctor": ("orchestrator.cli.devices.doctor:doctor", "Say what on a device harms a measurement, and fix it."),
    "clean": ("orchestrator.cli.devices.clean:clean", "Remove what Earshot left on a device."),
}


@click.group(cls=lazy_group(VERBS))
def devices() -> None:
    """List, probe and clean the devices of the lab."""
