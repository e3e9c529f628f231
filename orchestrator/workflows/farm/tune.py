"""``earshot submit tune``: a whole search as one job, on the device that its queue names, in its site's ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.job import TUNE, Job, JobState, Outcome, device_queue
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order
from orchestrator.ledger.store.places import store_of
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import Depot, open_parcel
from orchestrator.workflows.farm.devices import farm_devices
from orchestrator.workflows.farm.models import send_model
from orchestrator.workflows.farm.order import Asked, new_order_id
from orchestrator.workflows.farm.seat import DeviceSeat, Interrupted
from orchestrator.workflows.farm.session import Deliver, interrupted, seat_of
from orchestrator.workflows.farm.submit import Submitted, put_in, waiting
from orchestrator.workflows.settings import DEFAULT_ROUNDS, TuneSettings
from orchestrator.workflows.tune import TuneOutcome, tune_on

TUNING = "tune"


@dataclass(frozen=True)
class TuneWish:
    """As of ``TuneSettings``, but for what only a site knows. ``recipes`` as text."""

    model: str
    recipes: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    objective: Objective = field(default_factory=Objective)
    constraints: Constraints = field(default_factory=Constraints)
    budget_s: float = 240.0
    paced_s: float = 5.0
    rounds: int = DEFAULT_ROUNDS
    finalists: int = 4
    seed: int = 0
    environment: str | None = None
    allow_suspect: bool = False

    def settings(self, device: str, folder: Path) -> TuneSettings:
        """``folder``: of the site. Raises BadInput for what cannot be measured with."""
        return TuneSettings(
            self.model,
            device,
            results=folder,
            recipes=tuple(Recipe.parse(text) for text in self.recipes),
            threads=self.threads,
            objective=self.objective,
            constraints=self.constraints,
            budget_s=self.budget_s,
            paced_s=self.paced_s,
            rounds=self.rounds,
            finalists=self.finalists,
            seed=self.seed,
            environment=self.environment,
            allow_suspect=self.allow_suspect,
        )


@dataclass(frozen=True)
class TuneWork:
    """``parcel``: of the model."""

    parcel: str
    wish: TuneWish
    model: str
    expected_s: float


def submit_tune(results: Path, wish: TuneWish, devices: str, one_per_model: bool, asked: Asked) -> Submitted:
    """A search on each of the devices; ``one_per_model``: of those of one device model on the one that fewest jobs wait
    for. Raises BadInput, BadModel for a model that cannot travel.
    """
    wish.settings("", results)
    with Ledger.open(results / "ledger.db") as farm:
        known = farm_devices(farm)
        busy = waiting(farm)
        names = known.chosen(devices, busy)
        if one_per_model:
            names = known.one_of_each_model(names, busy)
        order_id = new_order_id(datetime.now(UTC))
        recipes = [Recipe.parse(text) for text in wish.recipes]
        prepared, packed = send_model(farm, store_of(farm), wish.model, results / "models", recipes)
        work = TuneWork(packed.sha256, wish, prepared.source.name, wish.budget_s)
        order = Order(order_id, asked.user, TUNING, f"tune {wish.model} on {', '.join(names)}")
        drawn = [_job(order_id, number, name, work, asked) for number, name in enumerate(names)]
        return put_in(farm, known, order, drawn, names)


def _job(order_id: str, number: int, device: str, work: TuneWork, asked: Asked) -> Job:
    payload: dict[str, Any] = to_json(work)
    return Job(
        f"{order_id}-tune-{number}",
        order_id,
        TUNE,
        device_queue(device),
        asked.user,
        0,
        asked.priority,
        deadline_utc_s=asked.deadline_utc_s,
        payload=payload,
    )


@dataclass
class TuneHandler:
    """``queue``: the ledger that jobs are claimed from; ``site``: what is measured into; ``folder``: of the site."""

    queue: Ledger
    site: Ledger
    seats: Mapping[str, DeviceSeat]
    depot: Depot
    folder: Path
    deliver: Deliver

    def __call__(self, begun: JobState, stop: Stop) -> Outcome:
        """Raises EarshotError; what was measured until then is in the site's ledger, and the next attempt goes on."""
        work, seat = tune_work(begun.job), seat_of(self.seats, begun.job)
        prepared = open_parcel(self.depot, work.parcel)
        settings = work.wish.settings(seat.device.name, self.folder)
        report = f"report-{begun.job.job_id}.html"
        try:
            with seat.lent(stop) as progress:
                outcome = tune_on(settings, prepared, self.site, [seat.device], progress, report)
        except Interrupted:
            return interrupted(self.queue, begun, stop)
        self.deliver(None)
        return Outcome(_told(outcome))


def tune_work(job: Job) -> TuneWork:
    try:
        return from_json(TuneWork, job.payload)
    except MalformedJson as exc:
        raise BadInput(f"job {job.job_id} was submitted by another Earshot: {exc}", hint="submit it again") from exc


def _told(outcome: TuneOutcome) -> dict[str, Any]:
    decision = outcome.decision
    return {
        "study_id": outcome.study.study_id,
        "verdict": decision.verdict,
        "sentence": decision.sentence,
        "winner": decision.of(decision.winner).candidate.label if decision.winner else None,
    }
