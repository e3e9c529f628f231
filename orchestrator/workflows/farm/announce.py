"""What a site tells the farm of its devices: what they may be asked for by, and never how they are reached."""

from typing import Any

from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import LOCAL, Device, Lab
from orchestrator.workflows.choice import all_tags


def served_devices(lab: Lab, with_local: bool) -> dict[str, Device]:
    """By name. This machine is one where that is asked for: every machine has one of that name."""
    return {name: device for name, device in lab.devices.items() if name != LOCAL or with_local}


def records_of(lab: Lab, devices: dict[str, Device], ledger: Ledger) -> dict[str, dict[str, Any]]:
    """By device. ``device_model`` is known once something was measured there."""
    tags, known = all_tags(lab, ledger), latest_environments(ledger)
    return {
        name: {
            "tags": sorted(tags[name]),
            "transport": device.transport,
            "profile": device.profile,
            "device_model": known[name].device_model if name in known else None,
            "environments": sorted(device.environments),
        }
        for name, device in devices.items()
    }
