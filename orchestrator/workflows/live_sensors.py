"""What every sensor of a device says now, and the meter that lab.toml puts beside it."""

import json
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.device_facts import Gauge, SensorProbe, SensorReading
from agents.strict_json import from_json
from orchestrator.errors import CommandFailed
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused
from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import deploy_bare
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.meters.base import MeterOptions
from orchestrator.measure.meters.watch import MeterWatch
from orchestrator.measure.transports.base import Completed
from orchestrator.workflows.metering import meter_of, meter_probes
from orchestrator.workflows.progress import Progress

# Finding all meters of a slow board asks several tools; then each sweep asks them again.
_ONCE_TIMEOUT_S = 120.0
_WATCH_TIMEOUT_S = 86_400.0


@dataclass(frozen=True)
class LiveSensor:
    """``value`` None: nothing, and ``reason`` why. ``age_s``: how long ago it was read. ``probe``: what it is."""

    probe: SensorProbe
    value: float | None
    reason: str | None
    age_s: float | None


@dataclass(frozen=True)
class View:
    """One look at all sensors. ``facts`` by name, those that the device tells: throttling, power mode, clocks."""

    device: str
    facts: dict[str, str]
    sensors: tuple[LiveSensor, ...]


OnView = Callable[[View], None]


def look(device: Device, progress: Progress, on_view: OnView, *, every_s: float = 1.0, count: int = 1) -> None:
    """Hand over ``count`` views; 0: a day's worth of them. Raises EarshotError."""
    options = meter_of(device)
    progress.stage(f"asking the sensors of {device.name}", steps=1)
    with open_transport(device) as transport, tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
        agent = deploy_bare(transport, build_agent_archive(Path(scratch)), device.root, python=device.python)
        progress.step("reading")
        with closing(_Beside(options)) as meter:
            _Stream(agent, device.name, meter, on_view).run(every_s, count)


def load_step(device: Device, progress: Progress, *, seconds: float) -> Gauge:
    """Sign and unit of the battery's gauge, found by working hard; kept on the device. Raises EarshotError."""
    progress.stage(f"a load step on {device.name}", steps=1, expected_s=2 * seconds + 3)
    with open_transport(device) as transport, tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
        agent = deploy_bare(transport, build_agent_archive(Path(scratch)), device.root, python=device.python)
        argv = agent.argv("load-step", "--seconds", f"{seconds:g}")
        done = transport.exec(argv, timeout_s=_ONCE_TIMEOUT_S + 10 * seconds)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return from_json(Gauge, json.loads(done.stdout))
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc


class _Beside:
    """The meter of the lab, read in its thread while the device is looked at."""

    def __init__(self, options: MeterOptions | None) -> None:
        self._options = options
        self._watch = None if options is None else MeterWatch(options)
        if self._watch is not None:
            self._watch.start()

    def read(self) -> tuple[LiveSensor, ...]:
        if self._options is None or self._watch is None:
            return ()
        now = self._watch.latest()
        return tuple(
            LiveSensor(probe, now.values[channel.name], None, now.age_s)
            if channel.name in now.values
            else LiveSensor(probe, None, now.reason or "gave no value this time", None)
            for channel, probe in zip(self._options.channels(), meter_probes(self._options), strict=True)
        )

    def close(self) -> None:
        if self._watch is not None:
            self._watch.stop()


@dataclass
class _Stream:
    agent: DeployedAgent
    device: str
    meter: _Beside
    on_view: OnView
    _probes: dict[tuple[str, str], SensorProbe] = field(default_factory=dict)
    _facts: dict[str, str] = field(default_factory=dict)

    def run(self, every_s: float, count: int) -> None:
        argv = self.agent.argv("sensors", "--every", f"{every_s:g}", "--count", str(count))
        timeout_s = _WATCH_TIMEOUT_S if count == 0 else _ONCE_TIMEOUT_S + 10 * every_s * count
        done = self.agent.transport.stream(argv, timeout_s=timeout_s, on_line=self._on_line)
        if not done.ok:
            raise refused(self.agent.name, self.agent.root, argv, done)

    def _on_line(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            if "sensors" in said:
                self._begin(said)
            elif "readings" in said:
                self.on_view(self._view(said))
        except (ValueError, TypeError, KeyError) as exc:
            raise self._not_understood(line, exc) from exc

    def _not_understood(self, line: bytes, exc: Exception) -> CommandFailed:
        return not_understood(
            self.agent.name, self.agent.argv("sensors"), Completed(0, line, b""), ValueError(str(exc))
        )

    def _begin(self, said: dict[str, Any]) -> None:
        probes = [from_json(SensorProbe, probe) for probe in said["sensors"]]
        self._probes = {(probe.quantity, probe.name): probe for probe in probes}
        self._facts = {name: str(value) for name, value in said["facts"].items() if value is not None}

    def _view(self, said: dict[str, Any]) -> View:
        readings = [from_json(SensorReading, reading) for reading in said["readings"]]
        found = tuple(
            LiveSensor(
                self._probes[reading.quantity, reading.name],
                reading.value,
                reading.reason,
                None if reading.value is None else (said["t_ns"] - reading.t_ns) / 1e9,
            )
            for reading in readings
        )
        absent = tuple(LiveSensor(p, None, p.reason, None) for p in self._probes.values() if not p.usable)
        return View(self.device, self._facts, found + self.meter.read() + absent)
