"""``earshot power calibrate``: a device's own power sensor against a meter that is better, over loads from idle to all
cores.
"""

import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agents import wire
from agents.device_facts import SensorProbe
from orchestrator.domain.power import PowerSource, choose_source, energy_between, read_source
from orchestrator.domain.power_calibration import CalibratedPair, LoadLevel, PowerCalibration, calibrate
from orchestrator.domain.session import Environment
from orchestrator.errors import BadInput, DeviceNotReady
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.power_calibrations import record_power_calibration
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.arrays import Arrays
from orchestrator.measure.deploy.clean import forget
from orchestrator.measure.deploy.run import run_session
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.measure.lab.lease import Hold
from orchestrator.measure.meters.base import MeterOptions
from orchestrator.measure.meters.registry import meter_options
from orchestrator.statistics.energy import Energy
from orchestrator.workflows.metering import measure_with, meter_probes
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reserve import reserved
from orchestrator.workflows.settings import require_duration, require_results
from orchestrator.workflows.stand_in import RATE_HZ, pushed_silence, stand_in_spec

_CHUNK_SAMPLES = 1_600
_CHUNK_S = _CHUNK_SAMPLES / RATE_HZ
# A load's first second is that of clocks and regulators that follow it.
_SETTLE_S = 1.0
# Up and down again: what drifts with time or lags behind shows in what the line leaves.
_ROUNDS = 2
_MOST_LEVELS = 5
_HOW = "see docs/how-to/power-meter.md"


@dataclass(frozen=True)
class CalibrateSettings:
    """``reference``: a kind of meter (that of the device's lab file where it is of this kind) or a whole table such as
    ``kind = "shelly", host = "192.168.1.40"``. ``sensor``: its name; None: the one that energy is taken from.
    ``seconds`` at each load.
    """

    device: str
    reference: str
    lab: Path | None = None
    results: Path = Path("earshot-results")
    sensor: str | None = None
    seconds: float = 15.0
    wait_s: float = 0.0

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)


def calibrate_power(settings: CalibrateSettings, progress: Progress) -> PowerCalibration:
    """The calibration, in the ledger: sessions on this device use it from now on. Raises EarshotError."""
    device = find_device(load_lab(settings.lab), settings.device)
    meter = reference_meter(settings.reference, device)
    require_results(settings.results)
    settings.results.mkdir(parents=True, exist_ok=True)
    with (
        Ledger.open(settings.results / "ledger.db") as ledger,
        reserved(ledger, device, "power calibration", progress, wait_s=settings.wait_s) as held,
    ):
        agent, environment = deploy_agent(device, progress, ledger)
        with agent.transport, held.on_device(agent), tempfile.TemporaryDirectory(prefix="earshot-") as scratch:
            # As the agent found it: without the lab's meter, and without a calibration of before.
            source = _source(agent.probe.sensors, settings.sensor, device.name)
            comparison = _Comparison(agent, held, source, meter, settings.seconds, Path(scratch), progress)
            levels = comparison.measure(max(1, len(agent.probe.cores)))
        found = _line(source, comparison.reference, environment, levels)
        record_power_calibration(ledger, found)
    return found


def reference_meter(text: str, device: Device) -> MeterOptions:
    """Raises BadInput for a meter that cannot be."""
    if "=" in text:
        try:
            table = tomllib.loads(f"meter = {{ {text} }}")["meter"]
        except tomllib.TOMLDecodeError as exc:
            raise BadInput(f"--reference {text!r} is no meter's table: {exc}", hint=_HOW) from exc
        return meter_options(device.name, table)
    own = device.meter or {}
    return meter_options(device.name, own if own.get("kind") == text else {"kind": text})


def _source(sensors: tuple[SensorProbe, ...], name: str | None, device: str) -> PowerSource:
    if name is None:
        found = choose_source(sensors)
        if isinstance(found, str):
            raise DeviceNotReady(f"{device} has no power sensor to calibrate: {found}", hint="earshot devices sensors")
        if len(found.probes) > 1:
            names = ", ".join(probe.name for probe in found.probes)
            raise BadInput(f"{device} has {len(found.probes)} sensors that add up: {names}", hint="name one: --sensor")
        return found
    usable = {s.name: s for s in sensors if s.usable and s.quantity in ("power_w", "energy_j")}
    if name not in usable:
        raise BadInput(f"{device} has no power sensor {name!r}", hint=f"it has {', '.join(usable) or 'none'}")
    return PowerSource((usable[name],))


def _line(
    source: PowerSource, reference: PowerSource, environment: Environment, levels: tuple[LoadLevel, ...]
) -> PowerCalibration:
    pair = CalibratedPair(
        environment.device,
        environment.device_model,
        source.name,
        source.first.quantity,
        source.scope,
        str(reference.first.source),
        reference.scope,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    try:
        return calibrate(pair, levels)
    except ValueError as exc:
        raise DeviceNotReady(f"no calibration of {source.name}: {exc}", hint=_HOW) from exc


@dataclass
class _Comparison:
    agent: DeployedAgent
    hold: Hold
    source: PowerSource
    meter: MeterOptions
    seconds: float
    scratch: Path
    progress: Progress

    @property
    def reference(self) -> PowerSource:
        found = choose_source(meter_probes(self.meter))
        if isinstance(found, str):
            raise BadInput(f"{self.meter.source} measures no power", hint=_HOW)
        return found

    def measure(self, cores: int) -> tuple[LoadLevel, ...]:
        loads = sorted({round(cores * step / (_MOST_LEVELS - 1)) for step in range(_MOST_LEVELS)})
        each_s = self.seconds + _SETTLE_S + 2.0
        self.progress.stage("loads", steps=_ROUNDS * len(loads), expected_s=_ROUNDS * len(loads) * each_s)
        audio = pushed_silence(self.agent, self.scratch, _CHUNK_SAMPLES)
        name = f"power-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
        order = [busy for turn in range(_ROUNDS) for busy in (loads if turn % 2 == 0 else loads[::-1])]
        specs = [self._spec(f"{name}-{number}", audio, busy) for number, busy in enumerate(order)]
        levels = tuple(self._levels(specs, order))
        forget(self.agent, [spec.session_id for spec in specs])
        return levels

    def _levels(self, specs: list[wire.RunSpec], order: list[int]) -> Iterator[LoadLevel]:
        for spec, busy in zip(specs, order, strict=True):
            load = "idle" if busy == 0 else f"{busy} busy core{'s' * (busy > 1)}"
            self.progress.step(load)
            yield self._level(load, spec)

    def _level(self, load: str, spec: wire.RunSpec) -> LoadLevel:
        with self.hold.measuring():
            result, arrays = measure_with(
                self.meter,
                self.agent,
                lambda: run_session(self.agent, spec, on_event=lambda event: None, arrays_dir=self.scratch),
            )
        if result.outcome != "ok" or "t_ns" not in arrays:
            raise DeviceNotReady(f"the load {load} failed on {self.agent.name}: {result.reason}")
        begin_ns = int(arrays["t_ns"].min()) + round(_SETTLE_S * 1e9)
        window = begin_ns, int(arrays["t_ns"].max())
        own = self._mean(self.source, arrays, window, result)
        other = self._mean(self.reference, arrays, window, result)
        seconds = (window[1] - window[0]) / 1e9
        assert own.power_w is not None
        assert other.power_w is not None
        return LoadLevel(load, own.power_w, other.power_w, seconds, own.readings, other.readings)

    def _mean(self, source: PowerSource, arrays: Arrays, window: tuple[int, int], result: wire.RunResult) -> Energy:
        readings = read_source(source, arrays)
        reasons = "; ".join(sorted(result.sensors_absent.values()))
        if readings is None:
            raise DeviceNotReady(f"{source.name} gave no reading: {reasons}", hint=_HOW)
        found = energy_between(source, readings, *window)
        if found.energy_j is None:
            raise DeviceNotReady(f"{source.name} is {found.reason}; {reasons}", hint="try more --seconds at each load")
        return found

    def _spec(self, session_id: str, audio: wire.Blob, busy: int) -> wire.RunSpec:
        count = round((self.seconds + _SETTLE_S) / _CHUNK_S)
        options = {"busy_cores": str(busy)}
        return stand_in_spec(
            session_id, "paced", audio, _CHUNK_SAMPLES, count, self.hold.token, session_options=options
        )
