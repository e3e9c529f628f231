"""Leases that a person takes and gives back: to keep others off a device while it is on the bench."""

import contextlib
from dataclasses import dataclass

from agents import uptime
from orchestrator.domain.lease import Lease
from orchestrator.errors import BadInput, DeviceError, DeviceHeld
from orchestrator.ledger import leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.lab import device_lease
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.holder import gone, person
from orchestrator.measure.lab.lease import held_error, take
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Progress

# Below this a hold ends before its holder has walked to the bench; beyond, somebody has forgotten it.
SHORTEST_S, LONGEST_S = 60.0, 7 * 86400.0


@dataclass(frozen=True)
class ByHand:
    """``only_here``: why the device itself does not know of it; None: it does, and so do controllers elsewhere."""

    lease: Lease
    only_here: str | None


def lease_by_hand(ledger: Ledger, device: Device, for_s: float, purpose: str, progress: Progress) -> ByHand:
    """The device is the caller's for ``for_s``, without a process that lives for it. One's own hold is extended.

    Raises DeviceHeld where somebody else has it, BadInput for a length of time that makes no sense.
    """
    if not SHORTEST_S <= for_s <= LONGEST_S:
        raise BadInput(f"a device can be held for 1m to 7d, got {for_s:g} s")
    lease = _extended(ledger, device, for_s) or take(
        ledger, device.name, purpose, name=person(), ttl_s=for_s, by_hand=True
    )
    try:
        with contextlib.closing(_Reached(device, progress)) as reached:
            token = device_lease.acquire(reached.agent, lease)
    except DeviceHeld:
        leases.release(ledger, lease)
        raise
    except DeviceError as exc:
        return ByHand(lease, exc.message)
    leases.granted_on_device(ledger, lease, token)
    return ByHand(leases.lease_of(ledger, device.name) or lease, None)


def _extended(ledger: Ledger, device: Device, for_s: float) -> Lease | None:
    now, lease = uptime.now(), leases.lease_of(ledger, device.name)
    if lease is None or lease.process or lease.holder != person() or not lease.holds(now):
        return None
    leases.beat(ledger, lease, now, for_s)
    return leases.lease_of(ledger, device.name)


def release_by_hand(ledger: Ledger, device: Device, progress: Progress, *, force: bool) -> str:
    """Give the device back; returns what was done. ``force``: also what somebody else has, who cannot start another
    session then. Raises DeviceHeld without it.
    """
    lease = leases.lease_of(ledger, device.name)
    held = lease is not None and lease.holds(uptime.now()) and not (lease.process and gone(lease.process))
    if force:
        return _take_away(ledger, device, lease if held else None, progress)
    if lease is None or not held:
        return f"nobody holds {device.name} in this ledger; --force also frees it for controllers with another one"
    if lease.process or lease.holder != person():
        raise held_error(lease, lease.expires_in_s(uptime.now()))
    leases.release(ledger, lease)
    try:
        with contextlib.closing(_Reached(device, progress)) as reached:
            device_lease.release(reached.agent, lease.token)
    except DeviceError as exc:
        return f"{device.name} is free in this ledger; on the device the lease ends by itself ({exc.message})"
    return f"{device.name} is free"


def _take_away(ledger: Ledger, device: Device, before: Lease | None, progress: Progress) -> str:
    lease = take(ledger, device.name, "released by force", name=person(), by_hand=True, force=True)
    had = f"; {before.holder} had it for: {before.purpose}" if before else ""
    try:
        with contextlib.closing(_Reached(device, progress)) as reached:
            token = device_lease.acquire(reached.agent, lease, force=True)
            leases.granted_on_device(ledger, lease, token)
            device_lease.release(reached.agent, token)
    except DeviceError as exc:
        return f"{device.name} is free in this ledger{had}; the device could not be told: {exc.message}"
    finally:
        leases.release(ledger, lease)
    return f"{device.name} is free{had}"


class _Reached:
    """The agent on the device, connected until closed."""

    def __init__(self, device: Device, progress: Progress) -> None:
        self.agent: DeployedAgent = deploy_agent(device, progress)[0]

    def close(self) -> None:
        self.agent.transport.close()
