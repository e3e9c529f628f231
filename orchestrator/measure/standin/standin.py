"""One stand-in as the lab sees it: a device to reach, its link, and the machine behind."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from orchestrator.measure.lab.device import Device
from orchestrator.measure.standin.host import Host
from orchestrator.measure.standin.network import Link, Quality


class Machine(Protocol):
    """What every stand-in can do, however it is made."""

    @property
    def running(self) -> bool: ...

    def power_off(self) -> None: ...

    def start(self) -> None: ...

    def processes(self) -> dict[int, str]: ...

    def close(self) -> None: ...


@dataclass
class StandIn:
    """``kind``: a name of ``catalog.KINDS``. ``devices``: how to reach it; the first one is the one to measure on,
    further ones are what its connection goes through.
    """

    kind: str
    devices: tuple[Device, ...]
    link: Link
    machine: Machine

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def device(self) -> Device:
        return self.devices[0]

    @property
    def host(self) -> Host:
        """The machine of a stand-in that is no emulated board: with a disk, a board and daemons."""
        if not isinstance(self.machine, Host):
            raise TypeError(f"stand-in {self.name} is an emulated board")
        return self.machine

    def reboot(self) -> None:
        """The plug pulled and put in again: all that ran is gone, its disk stays. Returns once it can be reached."""
        self.machine.power_off()
        self.machine.start()

    def close(self) -> None:
        """Nothing of it is left."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.link.close)
            stack.callback(self.machine.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Order:
    """What a kind needs to make one: the device's name, a folder of its own, and what is to differ from its kind.

    ``cache``: a folder for what is fetched once and kept. ``options`` are fields of ``HostSpec`` such as ``disk_mib``.
    """

    name: str
    folder: Path
    cache: Path
    options: dict[str, object]


# From an order and a link to a machine and the ways to reach it.
Maker = Callable[[Order, Link], tuple[Machine, tuple[Device, ...]]]


def make(kind: str, maker: Maker, order: Order, quality: Quality | None = None) -> StandIn:
    """A running stand-in. Raises DeviceNotReady."""
    link = Link(quality)
    try:
        machine, devices = maker(order, link)
    except BaseException:
        link.close()
        raise
    return StandIn(kind, devices, link, machine)
