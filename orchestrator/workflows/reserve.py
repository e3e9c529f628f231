"""Having a device while something is measured on it: not in quarantine, leased, its failures counted."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.errors import DeviceHeld, Unreachable
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.drift import quarantine_if_drifted
from orchestrator.measure.lab.health import cycle_power, require_usable, watched
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.lab.lease import POLL_S, Hold, hold
from orchestrator.workflows.progress import Progress

# A device that does not answer may be restarting; its power is not touched before.
CONNECT_PATIENCE_S = 60.0
# From power on to a login: a minute for a phone, more for a board that checks its disk.
BOOT_PATIENCE_S = 300.0
_PAUSE_S = 2.0
T = TypeVar("T")


@contextmanager
def reserved(
    ledger: Ledger, device: Device, purpose: str, progress: Progress, *, wait_s: float = 0.0
) -> Iterator[Hold]:
    """The device is ours within the block. Raises DeviceQuarantined, DeviceHeld after ``wait_s``."""
    require_usable(ledger, device.name)
    connect = lambda: open_transport(device)  # noqa: E731
    with (
        hold(ledger, device, purpose, connect, wait_s=wait_s, on_wait=progress.note) as held,
        watched(ledger, device.name),
    ):
        yield held
    drifted = quarantine_if_drifted(ledger, device.name)
    if drifted is not None:
        progress.note(f"{device.name} goes into quarantine after this: {drifted.reason}")


@dataclass
class PowerCycle:
    """The power hook of a device, used at most once in a run."""

    ledger: Ledger
    device: Device
    progress: Progress
    connect_patience_s: float = CONNECT_PATIENCE_S
    _used: bool = False

    def once(self, why: str) -> bool:
        """True where the power was cycled just now; False where there is no hook, it failed, or was used before."""
        if self._used:
            return False
        self._used = True
        done = cycle_power(self.ledger, self.device)
        if done:
            self.progress.note(f"{why}; its power was cycled")
        return done

    def reach(self, attempt: Callable[[], T]) -> T:
        """``attempt``; where the device stays away and has a hook, again after a power cycle. Raises Unreachable."""
        if not (self.device.hooks.power_cycle or self.device.hooks.power_off):
            return attempt()
        try:
            return _patiently(attempt, self.connect_patience_s)
        except Unreachable as exc:
            if not self.once(exc.message):
                raise
        return _patiently(attempt, BOOT_PATIENCE_S)


def _patiently(attempt: Callable[[], T], patience_s: float) -> T:
    give_up_s = time.monotonic() + patience_s
    while True:
        try:
            return attempt()
        except Unreachable:
            if time.monotonic() + _PAUSE_S > give_up_s:
                raise
        time.sleep(_PAUSE_S)


def first_free(devices: Sequence[Device], attempt: Callable[[Device, float], T], wait_s: float) -> T:
    """``attempt(device, wait_s)`` with the first of the devices that nobody has. A single one is waited for; of
    several, whichever becomes free within ``wait_s``. Raises DeviceHeld where none does.
    """
    if len(devices) == 1:
        return attempt(devices[0], wait_s)
    give_up_s = time.monotonic() + wait_s
    while True:
        held = []
        for device in devices:
            try:
                return attempt(device, 0.0)
            except DeviceHeld as exc:
                held.append(exc)
        if time.monotonic() >= give_up_s:
            raise DeviceHeld(
                f"all {len(devices)} devices are held: " + "; ".join(exc.message for exc in held),
                expires_in_s=min(exc.expires_in_s for exc in held),
                hint="wait for one of them with --wait 30m",
            )
        time.sleep(min(POLL_S, max(0.0, give_up_s - time.monotonic())))
