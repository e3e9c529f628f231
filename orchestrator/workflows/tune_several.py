"""``earshot tune --devices``: the units of one device model share a study; each device model has its own decision."""

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.errors import EarshotError
from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.lab.lease import abandon_all
from orchestrator.measure.lab.profiles import device_model_slug
from orchestrator.workflows.choice import choose_devices
from orchestrator.workflows.prepare import Prepared, export_candidates
from orchestrator.workflows.progress import DeviceProgress, FleetProgress, Progress
from orchestrator.workflows.race import Race
from orchestrator.workflows.reach import in_environment, reach
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.tune import TuneOutcome, decided_so_far, prepared_tune, tune_on


@dataclass(frozen=True)
class ModelOutcome:
    """What came of one device model: an outcome, or the error that ended its study."""

    device_model: str
    units: tuple[str, ...]
    outcome: TuneOutcome | None
    error: EarshotError | None


def tune_several(settings: TuneSettings, devices: str, progress: FleetProgress) -> list[ModelOutcome]:
    """A study for each device model among ``devices`` (lab/reservation.py), side by side; ``any:TAG`` takes the first
    that will do. What fails on one leaves the others alone. Raises EarshotError where nothing could be started at all.
    """
    lab = load_lab(settings.lab)
    with prepared_tune(settings, progress) as (prepared, ledger):
        slots = choose_devices(lab, devices, ledger, progress)
        groups = device_models([slot[0] for slot in slots], settings, ledger, progress)
        # Once for all of them: each study finds the files.
        export_candidates(prepared, settings.recipes, settings.artifacts_dir, jobs=2, progress=progress)
        workers = [_Worker(settings, prepared, ledger, name, units, progress) for name, units in groups.items()]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            abandon_all()
            for worker in workers:
                worker.decided_so_far()
            raise
        return [worker.outcome() for worker in workers]


def device_models(
    devices: Sequence[Device], settings: TuneSettings, ledger: Ledger, progress: Progress
) -> dict[str, list[Device]]:
    """The devices by model, as the ledger knows them from their last session, else as they say themselves now."""
    known = latest_environments(ledger)
    found: dict[str, list[Device]] = {}
    for device in devices:
        if device.name in known:
            model = known[device.name].device_model
        else:
            progress.stage(f"asking {device.name} what it is", steps=1)
            agent = reach(in_environment(device, settings.environment))
            with agent.transport:
                model = device_model_slug(agent.probe)
        found.setdefault(model, []).append(device)
    return found


class _Worker(threading.Thread):
    """One device model. A daemon: an interrupted command does not wait for sessions that go on without it anyway."""

    def __init__(
        self,
        settings: TuneSettings,
        prepared: Prepared,
        ledger: Ledger,
        name: str,
        units: Sequence[Device],
        progress: FleetProgress,
    ) -> None:
        super().__init__(name=f"tune {name}", daemon=True)
        self._settings = replace(settings, device=",".join(unit.name for unit in units))
        self._prepared, self._ledger, self._name, self._units = prepared, ledger, name, units
        self._progress = progress
        self._race: Race | None = None
        self._outcome: TuneOutcome | None = None
        self._error: EarshotError | None = None
        self._bug: BaseException | None = None

    def run(self) -> None:
        try:
            with contextlib.closing(_Named(self._progress, self._name)) as progress:
                report = f"report-{self._name}.html"
                self._outcome = tune_on(
                    self._settings, self._prepared, self._ledger, self._units, progress, report, self._begun
                )
        except EarshotError as exc:
            self._error = exc
        except BaseException as exc:
            self._bug = exc

    def _begun(self, race: Race) -> None:
        self._race = race

    def decided_so_far(self) -> None:
        if self._race is not None and self._outcome is None:
            with contextlib.suppress(EarshotError):
                decided_so_far(self._race, self._ledger, self._progress)

    def outcome(self) -> ModelOutcome:
        """Raises what was no EarshotError: a bug."""
        if self._bug is not None:
            raise self._bug
        return ModelOutcome(self._name, tuple(u.name for u in self._units), self._outcome, self._error)


class _Named:
    """Progress of one device model among several, and of its units."""

    def __init__(self, fleet: FleetProgress, name: str) -> None:
        self._fleet, self._own = fleet, fleet.device(name)

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        self._own.stage(name, steps=steps, expected_s=expected_s)

    def step(self, what: str) -> None:
        self._own.step(what)

    def meter(self, text: str) -> None:
        self._own.meter(text)

    def note(self, text: str) -> None:
        self._own.note(text)

    def device(self, name: str) -> DeviceProgress:
        return self._fleet.device(name)

    def close(self) -> None:
        self._own.close()
