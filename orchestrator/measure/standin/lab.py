"""A whole lab of stand-ins: all kinds at once, and the lab file to reach them with."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orchestrator.errors import BadInput, DeviceNotReady
from orchestrator.measure.lab.device import Device, Hooks
from orchestrator.measure.standin import sensors
from orchestrator.measure.standin.catalog import KINDS, make_standin
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.network import Quality
from orchestrator.measure.standin.standin import StandIn
from orchestrator.measure.transports.base import whole_file

LAB_FILE = "lab.toml"


class StandInLab:
    """Everything in it ends with ``close``, and with the process that made it.

    A stand-in that cannot be had here (a package is missing, no network to fetch its root) is in ``missing`` with the
    reason; the others run.
    """

    def __init__(
        self, folder: Path, *, quality: Quality | None = None, say: Callable[[str], None] = lambda kind: None
    ) -> None:
        self.folder = folder.resolve()
        self.standins: dict[str, StandIn] = {}
        self.missing: dict[str, DeviceNotReady] = {}
        self._quality, self._say = quality, say

    @property
    def lab_file(self) -> Path:
        return self.folder / LAB_FILE

    def up(self, kinds: Iterable[str] = tuple(KINDS)) -> None:
        """Starts them and writes the lab file. Raises DeviceNotReady where not one can be had."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            self._say(kind)
            try:
                self.standins[kind] = make_standin(kind, self.folder / kind, quality=self._quality)
            except DeviceNotReady as exc:
                self.missing[kind] = exc
        if not self.standins:
            raise next(iter(self.missing.values()), DeviceNotReady("no stand-in was asked for"))
        devices = [self._with_hooks(standin) for standin in self.standins.values()]
        cables = [device for standin in self.standins.values() for device in standin.devices[1:]]
        with whole_file(self.lab_file) as file:
            file.write(lab_text([*devices, *cables]).encode())

    def _with_hooks(self, standin: StandIn) -> Device:
        """The device with the commands that switch its power, as a lab with smart plugs has them."""
        verbs = {"power_off": ["power", standin.name, "off"], "power_on": ["power", standin.name, "on"]}
        verbs["power_cycle"] = ["reboot", standin.name]
        before, after = (sys.executable, "-m", "orchestrator.cli", "lab"), ("--folder", str(self.folder))
        hooks = Hooks(**{name: (*before, *words, *after) for name, words in verbs.items()})
        return dataclasses.replace(standin.device, hooks=hooks)

    def standin(self, name: str) -> StandIn:
        """Raises BadInput."""
        if name not in self.standins:
            raise BadInput(f"no stand-in {name!r} runs here", hint=f"there are {', '.join(self.standins)}")
        return self.standins[name]

    def set_sensor(self, name: str, sensor: str, value: str) -> None:
        """Raises BadInput for a sensor that it does not have, or a value that the sensor cannot show."""
        standin = self.standin(name)
        for path, text in sensors.shown(standin.kind, sensor, value).items():
            standin.host.board.set(path, text)

    def status(self) -> list[dict[str, Any]]:
        """A row per stand-in."""
        rows = [_row(standin) for standin in self.standins.values()]
        return rows + [{"name": name, "state": "missing", "reason": exc.message} for name, exc in self.missing.items()]

    def close(self) -> None:
        """All of them end, also where one resists."""
        with contextlib.ExitStack() as stack:
            for standin in self.standins.values():
                stack.callback(standin.close)
            self.standins = {}
        self.lab_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _row(standin: StandIn) -> dict[str, Any]:
    device, quality, machine = standin.device, standin.link.quality, standin.machine
    return {
        "name": standin.name,
        "state": "cut" if standin.link.is_cut else ("up" if machine.running else "off"),
        "transport": f"{device.transport} over adb" if device.via else device.transport,
        "address": standin.link.device_address,
        "profile": device.profile,
        "rate_mbit": quality.rate_mbit,
        "delay_ms": quality.delay_ms,
        "jitter_ms": quality.jitter_ms,
        "loss": quality.loss,
        "processes": len(machine.processes()),
    }
