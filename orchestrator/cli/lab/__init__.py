"""``earshot lab``: a lab of stand-in devices on this machine."""

import click

from orchestrator.cli.lazy import lazy_group

VERBS = {
    "up": ("orchestrator.cli.lab.up:up", "Start stand-in devices behind real daemons, and write their lab file."),
    "down": ("orchestrator.cli.lab.down:down", "End them; nothing of them is left."),
    "status": ("orchestrator.cli.lab.status:status", "Show them and their links."),
    "exec": ("orchestrator.cli.lab.enter:exec_", "Run a command where they can be reached."),
    "shell": ("orchestrator.cli.lab.enter:shell", "Open a shell where they can be reached."),
    "link": ("orchestrator.cli.lab.link:link", "Set a link's bandwidth, delay, jitter and loss."),
    "cut": ("orchestrator.cli.lab.link:cut", "Cut a link: silence, and nobody says so."),
    "restore": ("orchestrator.cli.lab.link:restore", "Put a cut link together."),
    "reboot": ("orchestrator.cli.lab.power:reboot", "Pull a stand-in's plug and put it in again."),
    "power": ("orchestrator.cli.lab.power:power", "Switch a stand-in off or on."),
    "sensor": ("orchestrator.cli.lab.sensor:sensor", "Make a stand-in's sensor show a value."),
}


@click.group(cls=lazy_group(VERBS), epilog="Start with: earshot lab up --detach")
def lab() -> None:
    """Try Earshot with no device: boards and phones that are stood in for, on this machine alone.

    Each is a real daemon (OpenSSH, dropbear, adbd) in namespaces of its own, with its own root, disk, sensors and
    link. What they compute is this machine's work, so their figures say nothing about the device that is stood in for,
    and every probe says that it is a stand-in.
    """
