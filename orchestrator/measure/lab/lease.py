"""Taking a device for as long as something is done with it: in the ledger, on the device, kept by a heartbeat."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from agents import uptime
from orchestrator.domain.lease import HEARTBEAT_S, TTL_S, Lease
from orchestrator.errors import DeviceHeld, EarshotError, LedgerError
from orchestrator.ledger import leases
from orchestrator.ledger.lease_beats import beat_together
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.lab import device_lease
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.holder import gone, holder, this_process
from orchestrator.measure.transports.base import Transport

POLL_S = 1.0
OnWait = Callable[[str], None]
Connect = Callable[[], Transport]
T = TypeVar("T")


# What this process has, for the moment when it must end at once.
_HELD: "set[Hold]" = set()
_ABANDON_S = 10.0


class Hold:
    """A device that this process has taken. ``token`` goes into each RunSpec as ``fence``."""

    def __init__(self, ledger: Ledger, lease: Lease, connect: Connect, give_up_s: float, on_wait: OnWait) -> None:
        self.lease = lease
        self.token = lease.token
        self._ledger, self._connect = ledger, connect
        self._give_up_s, self._on_wait = give_up_s, on_wait
        self._agent: DeployedAgent | None = None
        self._lost: str | None = None
        self._undisturbed = threading.Lock()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat_until_ended, name=f"lease {lease.device}", daemon=True)

    @contextmanager
    def on_device(self, agent: DeployedAgent) -> Iterator[None]:
        """The device knows of the lease within the block: what controllers with another ledger respect too.

        Raises DeviceHeld where one of those has it.
        """
        self.token = waiting(lambda: device_lease.acquire(agent, self.lease), self._give_up_s, self._on_wait)
        if not leases.granted_on_device(self._ledger, self.lease, self.token):
            raise device_lease.lost(self.lease.device, "it was taken while the device was asked")
        self._agent = agent
        try:
            yield
        finally:
            with self._undisturbed:
                self._agent = None
            # Where the device is away its lease ends by itself.
            with contextlib.suppress(EarshotError):
                device_lease.release(agent, self.token)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """No heartbeat goes to the device within the block: a session that runs there keeps the lease by itself.

        Raises LeaseLost where the lease is known to be somebody else's.
        """
        with self._undisturbed:
            self.check()
            yield

    def check(self) -> None:
        """Raises LeaseLost where the lease is known to be somebody else's."""
        if self._lost is not None:
            raise device_lease.lost(self.lease.device, self._lost)

    def start(self) -> None:
        _HELD.add(self)
        self._heart.start()

    def end(self) -> None:
        """Stop the heartbeat and give the device back in the ledger."""
        _HELD.discard(self)
        self._ended.set()
        self._heart.join()
        leases.release(self._ledger, self.lease)

    def abandon(self) -> None:
        """Give the device back from another thread than the one that uses it, over a connection of its own."""
        self._ended.set()
        with contextlib.suppress(EarshotError):
            leases.release(self._ledger, self.lease)
        agent = self._agent
        if agent is not None:
            with contextlib.suppress(EarshotError), self._connect() as transport:
                device_lease.release(agent, self.token, transport)

    def beat(self) -> None:
        """One heartbeat, to the ledger and, while no session runs, to the device. What cannot be reached is left: the
        lease lives on for its time.
        """
        with contextlib.suppress(LedgerError):
            if not beat_together(self._ledger, self.lease):
                self._lost = _taken_by(leases.lease_of(self._ledger, self.lease.device))
        if not self._undisturbed.acquire(blocking=False):
            return
        try:
            self._beat_device()
        finally:
            self._undisturbed.release()

    def _beat_device(self) -> None:
        if self._agent is None:
            return
        with contextlib.suppress(EarshotError), self._connect() as transport:
            if not device_lease.beat(self._agent, transport, self.token):
                self._lost = "the device was given to somebody else"

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            self.beat()


def abandon_all() -> None:
    """Give back what this process still has, before it ends without waiting for those who use it. Where a device does
    not answer within ``_ABANDON_S`` its lease ends by itself.
    """
    threads = [threading.Thread(target=held.abandon, daemon=True) for held in list(_HELD)]
    for thread in threads:
        thread.start()
    give_up_s = time.monotonic() + _ABANDON_S
    for thread in threads:
        thread.join(max(0.0, give_up_s - time.monotonic()))


def _taken_by(now: Lease | None) -> str:
    return f"{now.holder} took it for: {now.purpose}" if now else "it is no longer in the ledger"


@contextmanager
def hold(
    ledger: Ledger,
    device: Device,
    purpose: str,
    connect: Connect,
    *,
    wait_s: float = 0.0,
    on_wait: OnWait = lambda text: None,
) -> Iterator[Hold]:
    """Have ``device`` within the block. Raises DeviceHeld where somebody else has it for longer than ``wait_s``.

    ``connect`` opens a way to the device of its own for heartbeats. ``on_wait`` is told, once each, why it waits.
    """
    give_up_s = time.monotonic() + wait_s
    lease = waiting(lambda: take(ledger, device.name, purpose), give_up_s, on_wait)
    held = Hold(ledger, lease, connect, give_up_s, on_wait)
    held.start()
    try:
        yield held
    finally:
        held.end()


def take(
    ledger: Ledger,
    device: str,
    purpose: str,
    *,
    name: str | None = None,
    ttl_s: float = TTL_S,
    by_hand: bool = False,
    force: bool = False,
) -> Lease:
    """The lease of ``device`` in the ledger. ``by_hand``: no process has to live for it. Raises DeviceHeld."""
    moment = uptime.now()
    wanted = Lease(
        device=device,
        lease_id=uuid4().hex,
        token=1,
        holder=name or holder(),
        process=None if by_hand else this_process(),
        purpose=purpose,
        acquired_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        heard=moment,
        ttl_s=ttl_s,
    )
    grant = leases.acquire(ledger, wanted, moment, gone, force=force)
    if not grant.granted:
        raise held_error(grant.lease, grant.lease.expires_in_s(moment))
    return grant.lease


def held_error(lease: Lease, expires_in_s: float) -> DeviceHeld:
    ends = f"{lease.holder} keeps it by a heartbeat" if lease.process else f"it ends in {spell(expires_in_s)}"
    return DeviceHeld(
        f"{lease.device} is held by {lease.holder} since {lease.acquired_utc} for: "
        f"{lease.purpose or 'no purpose given'} ({ends})",
        expires_in_s=expires_in_s,
        hint=f"wait for it with --wait 30m, or, if {lease.holder} is gone: "
        f"earshot devices release {lease.device} --force",
    )


def spell(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def waiting(attempt: Callable[[], T], give_up_s: float, on_wait: OnWait) -> T:
    """``attempt`` until it does not raise DeviceHeld, or ``give_up_s`` (monotonic) has passed."""
    told = ""
    while True:
        try:
            return attempt()
        except DeviceHeld as exc:
            if time.monotonic() >= give_up_s:
                raise
            if exc.message != told:
                told = exc.message
                on_wait(f"waiting: {told}")
        time.sleep(min(POLL_S, max(0.0, give_up_s - time.monotonic())))
