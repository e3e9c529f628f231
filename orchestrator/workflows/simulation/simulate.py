"""``earshot farm simulate``: a night of twins through the real planner, queue, leases, executor and ledger."""

import os
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import Place, place_named
from orchestrator.ledger.simulated import require_simulated
from orchestrator.ledger.workers import announce, site_devices
from orchestrator.measure.farm.twins import nouns
from orchestrator.measure.farm.twins.device import World
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.simulation.account import account
from orchestrator.workflows.simulation.crew import Crew
from orchestrator.workflows.simulation.executor import executor_named
from orchestrator.workflows.simulation.plan import Site, jobs_of, night_of, order_of, sites_of, works
from orchestrator.workflows.simulation.settings import SimulationSettings
from orchestrator.workflows.simulation.told import SimulationTold
from orchestrator.workflows.simulation.watch import Watch
from orchestrator.workflows.simulation.worker import WorkerTask

_TICK_S = 1.0


def simulate(settings: SimulationSettings, progress: Progress) -> SimulationTold:
    """What was measured; where it was interrupted (Ctrl-C), what was measured until then.

    Raises BadInput for a folder or a ledger that has something in it, EarshotError where a worker cannot work.
    """
    return _Simulation(settings, progress).run()


class _Simulation:
    def __init__(self, settings: SimulationSettings, progress: Progress) -> None:
        self._settings, self._progress = settings, progress
        self._world = World(_new_folder(settings.folder) / "twins", settings.seed, settings.speed, settings.faults)
        self._world.folder.mkdir()

    def run(self) -> SimulationTold:
        settings = self._settings
        with ExitStack() as stack:
            farm = stack.enter_context(Ledger.at(place_of(settings)))
            require_simulated(farm)
            # A simulation before this one dealt its twins out otherwise.
            for name in {device.site for device in site_devices(farm)}:
                announce(farm, name, {})
            began_s = time.monotonic()
            sites = sites_of(settings, night_of(settings))
            planning_s = time.monotonic() - began_s
            self._submit(farm, sites)
            submitting_s = time.monotonic() - began_s - planning_s
            watch = Watch(farm, os.getloadavg()[0])
            crew = Crew([self._task(farm.place, site) for site in sites], _TICK_S)
            stack.callback(crew.end)
            complete = self._work(crew, watch)
            self._progress.stage("comparing", steps=1)
            return account(settings, self._world, farm, sites, crew, watch, complete, planning_s, submitting_s)

    def _submit(self, farm: Ledger, sites: Sequence[Site]) -> None:
        self._progress.stage("planning and submitting", steps=len(sites))
        for model in works(self._settings):
            farm.record_artifact(nouns.artifact(model))
        executor = executor_named(self._settings.executor, farm, self._settings.speed)
        for site in sites:
            self._progress.step(f"{len(site.shifts)} twins of {site.name}")
            executor.submit(order_of(site), list(jobs_of(site, self._settings)))

    def _task(self, farm: Place, site: Site) -> WorkerTask:
        folder = self._settings.folder / site.name
        return WorkerTask(
            farm, folder, site.name, site.devices, works(self._settings), self._world, self._settings.executor
        )

    def _work(self, crew: Crew, watch: Watch) -> bool:
        """False where it was interrupted."""
        settings = self._settings
        total = settings.devices * settings.sessions
        kills = _kills(settings, total)
        self._progress.stage("starting the workers", steps=settings.workers)
        try:
            crew.start()
            self._progress.stage("sessions on twins", steps=total)
            watch.start()
            shown = 0

            def tick() -> None:
                nonlocal shown
                watch.look()
                for _ in range(crew.told.done - shown):
                    self._progress.step(f"{settings.devices} twins")
                shown = max(shown, crew.told.done)
                self._progress.meter(watch.sentence(crew.told.done))
                while kills and crew.told.done >= kills[0][0]:
                    self._progress.note(f"killing worker {kills[0][1]}")
                    crew.kill(kills.pop(0)[1])

            crew.work(tick)
        except KeyboardInterrupt:
            crew.end()
            return False
        finally:
            watch.stop()
        return True


def place_of(settings: SimulationSettings) -> Place:
    named = settings.ledger or f"sqlite:{settings.folder.resolve() / 'ledger.db'}"
    return place_named(named, settings.folder)


def _new_folder(folder: Path) -> Path:
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty", hint="a simulation keeps what its twins have on their disks there")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _kills(settings: SimulationSettings, total: int) -> list[tuple[int, int]]:
    """After how many sessions which worker is killed: while there is something left to do."""
    rng = random.Random(settings.seed)
    after = sorted(int(rng.uniform(0.05, 0.85) * total) for _ in range(settings.kill_workers))
    return [(done, rng.randrange(settings.workers)) for done in after]
