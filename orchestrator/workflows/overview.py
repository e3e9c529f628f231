"""The lab at a glance: each device with its lease, its health and its tags."""

from dataclasses import dataclass
from pathlib import Path

from agents import uptime
from orchestrator.domain.health import Health
from orchestrator.domain.lease import Lease
from orchestrator.ledger.health import health
from orchestrator.ledger.leases import leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import is_there
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.holder import gone
from orchestrator.workflows.choice import all_tags


@dataclass(frozen=True)
class DeviceOverview:
    """``held`` None: nobody holds it, as far as this ledger knows."""

    device: Device
    tags: frozenset[str]
    held: Lease | None
    expires_in_s: float
    health: Health


def overview(lab: Lab, ledger_path: Path) -> list[DeviceOverview]:
    """In the order of the lab file; without a ledger there nobody holds anything. Reaches no device."""
    if not is_there(ledger_path):
        tags = all_tags(lab, None)
        return [DeviceOverview(d, tags[name], None, 0.0, Health(name)) for name, d in lab.devices.items()]
    with Ledger.open(ledger_path, create=False) as ledger:
        held, known, tags = _held(ledger), health(ledger), all_tags(lab, ledger)
    now = uptime.now()
    return [
        DeviceOverview(
            device,
            tags[name],
            held.get(name),
            held[name].expires_in_s(now) if name in held else 0.0,
            known.get(name, Health(name)),
        )
        for name, device in lab.devices.items()
    ]


def _held(ledger: Ledger) -> dict[str, Lease]:
    now = uptime.now()
    return {
        name: lease
        for name, lease in leases(ledger).items()
        if lease.holds(now) and not (lease.process and gone(lease.process))
    }
