"""``earshot devices list``"""

from pathlib import Path
from typing import Any

import click

from agents.strict_json import to_json
from orchestrator.cli.options import json_option, lab_option, results_option
from orchestrator.cli.output import print_json, print_table
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab


@click.command("list")
@lab_option
@results_option
@json_option
def list_(lab: Path | None, results: Path, as_json: bool) -> None:
    """Show the devices of the lab: who holds which, what for and until when, and which are in quarantine.

    local is always one of them. What controllers with another results folder hold is not seen here; the device itself
    refuses when it is asked.
    """
    from orchestrator.workflows.overview import DeviceOverview, overview

    seen = overview(load_lab(lab), results / "ledger.db")
    if as_json:
        print_json([_as_json(each) for each in seen])
        return

    def row(each: DeviceOverview) -> list[str]:
        device = each.device
        about = [device.name, device.transport, _address(device), device.profile or "-", " ".join(device.tags)]
        return [*about, *_holder(each.held, each.expires_in_s), _health(each)]

    print_table(
        ["device", "transport", "address", "profile", "tags", "held by", "since", "for", "ends in", "health"],
        [row(each) for each in seen],
    )


def _address(device: Device) -> str:
    return device.host or (f"USB {device.serial}" if device.serial else "this machine")


def _holder(lease: Any, expires_in_s: float) -> list[str]:
    from orchestrator.measure.lab.lease import spell

    if lease is None:
        return ["-", "", "", ""]
    ends = "kept by a heartbeat" if lease.process else spell(expires_in_s)
    return [lease.holder, lease.acquired_utc, lease.purpose, ends]


def _health(each: Any) -> str:
    if each.health.quarantined:
        return f"quarantined since {each.health.quarantined_utc}: {each.health.reason}"
    return f"{each.health.failures} failed in a row" if each.health.failures else "ok"


def _as_json(each: Any) -> dict[str, Any]:
    device = to_json(each.device)
    lease = None if each.held is None else {**to_json(each.held), "expires_in_s": each.expires_in_s}
    return {**device, "known_tags": sorted(each.tags), "lease": lease, "health": each.health}
