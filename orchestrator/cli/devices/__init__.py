"""``earshot devices``: a file per verb."""

import click

from orchestrator.cli.lazy import lazy_group

VERBS = {
    "list": ("orchestrator.cli.devices.list:list_", "Show the devices of the lab, and who holds which."),
    "probe": ("orchestrator.cli.devices.probe:probe", "Ask a device what it is and what it can run."),
    "sensors": ("orchestrator.cli.devices.sensors:sensors", "Show what a device's sensors and its meter say now."),
    "push": ("orchestrator.cli.devices.push:push", "Bring files and models to many devices, and run one command."),
    "doctor": ("orchestrator.cli.devices.doctor:doctor", "Say what on a device harms a measurement, and fix it."),
    "setup": ("orchestrator.cli.devices.setup:setup", "Give a device its Python environments: offline, no root."),
    "runner": ("orchestrator.cli.devices.runner:runner", "Build a runtime's runner for a device's processor."),
    "engine": ("orchestrator.cli.devices.engine:engine", "Build a TensorRT engine on a device, by its trtexec."),
    "sessions": ("orchestrator.cli.devices.sessions:sessions", "Show the sessions that lie on a device."),
    "collect": ("orchestrator.cli.devices.collect:collect", "Put a gone controller's sessions into a ledger."),
    "clean": ("orchestrator.cli.devices.clean:clean", "Remove what Earshot left on a device."),
    "lease": ("orchestrator.cli.devices.lease:lease", "Keep others off a device while you work on it."),
    "release": ("orchestrator.cli.devices.release:release", "Give a device back."),
    "health": ("orchestrator.cli.devices.health:health", "Show a device's failures, quarantine and power cycles."),
    "unquarantine": ("orchestrator.cli.devices.health:unquarantine", "Let a device out of quarantine on your word."),
    "power": ("orchestrator.cli.devices.health:power", "Switch a device's power by its hook."),
}


class _ListByDefault(lazy_group(VERBS)):  # type: ignore[misc]
    """``earshot devices`` alone lists them, with the options of list."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        plain = not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))
        return super().parse_args(ctx, ["list", *args] if plain else args)  # type: ignore[no-any-return]


@click.group(cls=_ListByDefault)
def devices() -> None:
    """List, probe and clean the devices of the lab."""
