"""The night of a simulated farm, by the planner of real ones: what each twin is to run, and the jobs of it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.job import NIGHTLY, SESSION, Job, device_queue
from orchestrator.domain.session import PlannedSession
from orchestrator.errors import BadInput
from orchestrator.ledger.orders import Order
from orchestrator.ledger.simulated import SIMULATION
from orchestrator.measure.farm.twins import nouns
from orchestrator.measure.farm.twins.stream import START_S, Workload
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.workflows.farm.payload import SessionWork, StudyTold, study_id
from orchestrator.workflows.night_settings import NightPlan, WantedModel
from orchestrator.workflows.night_wanted import Planned, Shift, planned
from orchestrator.workflows.simulation.settings import SimulationSettings

_USER, _PLAN, _MODE = "simulation", "simulation", "paced"
# Room for all of the night's sessions, with what the planner keeps for re-runs.
_ROOM = 2.0


@dataclass(frozen=True)
class Site:
    """A worker's devices, and the order of what they are to run."""

    name: str
    order_id: str
    shifts: tuple[Shift, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(shift.device for shift in self.shifts)


def model_name(number: int) -> str:
    return f"twin-model-{number:03}"


def works(settings: SimulationSettings) -> dict[str, Workload]:
    """By model, one of each configuration."""
    return {model_name(n): nouns.workload(n, settings.seconds) for n in range(settings.configurations)}


def night_of(settings: SimulationSettings) -> Planned:
    """Raises BadInput where the planner leaves out anything."""
    names = [f"twin-{number:05}" for number in range(settings.devices)]
    lab = Lab({name: Device(name, "ssh", host=f"{name}.invalid") for name in names})
    models = tuple(WantedModel(name, (nouns.FP32,)) for name in works(settings))
    # The kinds differ, and a hot one takes longer: twice what the audio lasts is enough for all of them.
    budget_s = _ROOM * (settings.sessions * 2 * (settings.seconds + START_S) + 60.0)
    plan = NightPlan(
        Path("simulation"), _PLAN, models, "all", mode=_MODE, seconds=settings.seconds, runs=settings.runs,
        budget_s=budget_s, quality=False,
    )  # fmt: skip
    found = planned(plan, f"seed-{settings.seed}", lab, {}, {}, {}, {})
    if found.missing or found.sessions != settings.devices * settings.sessions:
        raise BadInput(f"the planner took {found.sessions} sessions of {settings.devices * settings.sessions}")
    return found


def sites_of(settings: SimulationSettings, night: Planned) -> list[Site]:
    """Devices dealt out to the workers; their orders are of this run alone."""
    run = uuid4().hex[:4]
    return [
        Site(f"site-{number:03}", f"sim-{run}-{number:03}", night.shifts[number :: settings.workers])
        for number in range(settings.workers)
    ]


def order_of(site: Site) -> Order:
    title = f"a simulated night of {len(site.shifts)} twins"
    return Order(site.order_id, _USER, "nightly", title, {"workflow": SIMULATION, "site": site.name})


def jobs_of(site: Site, settings: SimulationSettings) -> Iterator[Job]:
    started_utc = datetime.now(UTC).isoformat(timespec="seconds")
    for shift in site.shifts:
        position = 0
        for block, order in enumerate(shift.night.blocks):
            for place, number in enumerate(order):
                work = _work(site, shift, number, block, place, settings, started_utc)
                name = hashlib.sha256(f"{work.study.study_id} {block} {place}".encode()).hexdigest()[:32]
                queue = device_queue(shift.device)
                yield Job(
                    name, site.order_id, SESSION, queue, _USER, position, NIGHTLY, payload=work.as_payload()
                )  # fmt: skip
                position += 1


def _work(
    site: Site, shift: Shift, number: int, block: int, place: int, settings: SimulationSettings, started_utc: str
) -> SessionWork:
    wanted = shift.wanted[number]
    question = {"workflow": SIMULATION, "order": site.order_id, "mode": _MODE, "seconds": settings.seconds}
    name = study_id(site.order_id, wanted.model, shift.device)
    told = StudyTold(name, wanted.model, shift.device, started_utc, {**question, "study": name})
    cost_s = shift.costs[number].session_s
    return SessionWork(told, wanted.model, str(wanted.recipe), _MODE, settings.seconds, block, place, cost_s)


def candidates(models: Sequence[str]) -> dict[str, Candidate]:
    return {model: nouns.candidate(nouns.artifact(model)) for model in models}


def planned_session(work: SessionWork, candidate: Candidate, load: Workload) -> PlannedSession:
    """What the job stands for; its id follows from it."""
    device, study = work.study.device, work.study.study_id
    chosen = replace(candidate, threads=work.threads)
    return PlannedSession(study, device, chosen, work.mode, work.block, work.position, load.chunks)
