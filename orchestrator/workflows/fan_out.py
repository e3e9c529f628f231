"""The same to many devices at once: the agent, files by hash, and then one command; what fails on one ends no other.

Threads of one process, because one is enough: a login and 8 MiB cost 25 ms of CPU here (AES-GCM in one call for each
32 KiB, one channel, no SFTP), so the interpreter's lock lets 2.5 Gbit/s pass. The far side pays three times as much.
"""

import queue
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from agents import wire
from orchestrator.errors import EarshotError
from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.intake import Intake, TookIn, take_in
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.transports.descriptors import make_room
from orchestrator.workflows.progress import Progress

# More of them only wait for each other: 100 logins that begin in one moment on two busy cores take longer than a
# connection may (10 s).
AT_ONCE = 32


@dataclass(frozen=True)
class Delivery:
    """One device's part: what it took in, or why it did not."""

    device: str
    took: TookIn | None
    error: EarshotError | None
    duration_s: float

    @property
    def ok(self) -> bool:
        """The files are there, and the command, where there is one, ended with 0."""
        return self.took is not None and (self.took.completed is None or self.took.completed.ok)


def fan_out(
    devices: Sequence[Device],
    intake: Intake,
    progress: Progress,
    *,
    refused: Mapping[str, EarshotError] = MappingProxyType({}),
    at_once: int = AT_ONCE,
) -> list[Delivery]:
    """A delivery for each device, in their order; those ``refused`` are left alone, with that as their error.

    Raises BadInput where this process may not open so many connections. Interrupted, what is under way ends with this
    process; a device keeps what has arrived, and the same again goes on there.
    """
    if at_once < 1:
        raise ValueError(f"at_once must be >= 1, got {at_once}")
    waiting: queue.SimpleQueue[Device] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Delivery | BaseException] = queue.SimpleQueue()
    make_room(min(at_once, len(devices)))
    found = {name: Delivery(name, None, error, 0.0) for name, error in refused.items()}
    open_to_us = [device for device in devices if device.name not in refused]
    for device in open_to_us:
        waiting.put(device)
    for _ in range(min(at_once, len(open_to_us))):
        threading.Thread(target=_work, args=(waiting, ended, intake), name="fan out", daemon=True).start()
    progress.stage("bringing files" if intake.files else "bringing the agent", steps=len(open_to_us))
    for _ in open_to_us:
        delivery = ended.get()
        if isinstance(delivery, BaseException):
            raise delivery  # A bug.
        found[delivery.device] = delivery
        progress.step(f"{delivery.device}: {delivery.error.message if delivery.error else 'done'}")
    return [found[device.name] for device in devices]


def _work(
    waiting: "queue.SimpleQueue[Device]", ended: "queue.SimpleQueue[Delivery | BaseException]", intake: Intake
) -> None:
    while True:
        try:
            device = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            ended.put(deliver(device, intake))
        except BaseException as exc:
            ended.put(exc)


def deliver(device: Device, intake: Intake) -> Delivery:
    """To one device."""
    begin_s = time.monotonic()
    took, error = None, None
    try:
        with open_transport(device) as transport:
            took = take_in(transport, intake, device.root, python=device.python)
    except EarshotError as exc:
        error = exc
    return Delivery(device.name, took, error, time.monotonic() - begin_s)


@contextmanager
def intake_of(files: Sequence[tuple[Path, wire.Blob]], argv: Sequence[str], timeout_s: float) -> Iterator[Intake]:
    """With the agent's archive, which is built for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
        yield Intake(build_agent_archive(Path(scratch)), tuple(files), tuple(argv), timeout_s)
