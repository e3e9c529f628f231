"""``earshot submit``: what is wanted, planned over the devices that sites announced, and put into the farm's queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.domain.job import EXPORT, Job, device_of
from orchestrator.domain.night import Missing
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.job_turns import loads
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import durations
from orchestrator.ledger.orders import Order
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.workflows.farm.devices import FarmDevices, farm_devices
from orchestrator.workflows.farm.models import sent_models
from orchestrator.workflows.farm.order import Asked, new_order_id
from orchestrator.workflows.night_settings import DEFAULT_ENVIRONMENT, MODES, NightPlan, WantedModel
from orchestrator.workflows.night_wanted import planned, require_something
from orchestrator.workflows.settings import require_duration

RUN = "run"
# An order without a budget: what a device may spend on it, far beyond what anybody waits for.
_NO_BUDGET_S = 1e9


@dataclass(frozen=True)
class RunWish:
    """Recipes x providers x threads of a model on each of ``devices``, each ``runs`` times for ``seconds`` of audio, in
    turns. ``providers`` None among them: the runtime's own choice. ``quality``: score each once.
    """

    model: str
    devices: str
    recipes: tuple[Recipe, ...]
    providers: tuple[str | None, ...] = (None,)
    threads: tuple[int, ...] = (1,)
    environment: str | None = None
    mode: str = "paced"
    seconds: float = 10.0
    runs: int = 1
    quality: bool = False

    def __post_init__(self) -> None:
        require_duration("seconds", self.seconds)
        if self.mode not in MODES:
            raise BadInput(f"mode must be {' or '.join(MODES)}, got {self.mode!r}")
        if self.runs < 1:
            raise BadInput(f"runs must be >= 1, got {self.runs}")


@dataclass(frozen=True)
class Submitted:
    """``new``: ids of the jobs that nobody had submitted before. ``missing``: what is not in it, each with why.
    ``warnings``: why some of it may wait.
    """

    order: Order
    jobs: tuple[Job, ...]
    new: tuple[str, ...]
    devices: tuple[str, ...]
    missing: tuple[Missing, ...] = ()
    warnings: tuple[str, ...] = ()


def submit_run(results: Path, wish: RunWish, asked: Asked) -> Submitted:
    """Raises BadInput for a model or device that nobody knows, DeviceQuarantined."""
    with Ledger.open(results / "ledger.db") as farm:
        known = farm_devices(farm)
        names = known.chosen(wish.devices, waiting(farm))
        now = datetime.now(UTC)
        order_id = new_order_id(now)
        plan = _plan_of(order_id, wish, names)
        found = planned(plan, order_id, known.lab, known.tags, known.health, {}, durations(farm))
        require_something(found)
        title = f"{wish.model} {' '.join(map(str, wish.recipes))} on {', '.join(names)}"
        order = Order(order_id, asked.user, RUN, title, _record(plan))
        questions = {(wish.model, name): _question(order_id, wish, name) for name in names}
        models = sent_models(farm, results, order_id, asked, found)
        jobs = models.drawing(asked, plan, order_id, questions, now).jobs(found.shifts)
        return put_in(farm, known, order, jobs, names, found.missing)


def put_in(
    farm: Ledger,
    known: FarmDevices,
    order: Order,
    jobs: Sequence[Job],
    names: Sequence[str],
    missing: Sequence[Missing] = (),
) -> Submitted:
    """``names`` of the devices that it is for."""
    new = executor_of(farm).submit(order, jobs)
    warnings = _warnings(known, names, [job for job in jobs if job.job_id in new])
    return Submitted(order, tuple(jobs), tuple(new), tuple(names), tuple(missing), tuple(warnings))


def _warnings(known: FarmDevices, names: Sequence[str], new: Sequence[Job]) -> list[str]:
    found = [
        f"no worker of site {site} is alive: what is for its devices waits until one is"
        for site in known.without_worker(names)
    ]
    for queue in sorted({job.queue for job in new if job.kind == EXPORT} - known.exporting):
        _, _, needs = queue.partition("/")
        what = f" with {needs.replace('-', ' and ')}" if needs else ""
        found.append(
            f"no living worker does exports{what}: start one where that is installed, earshot worker --exports 1"
        )
    return found


def _plan_of(order_id: str, wish: RunWish, names: Sequence[str]) -> NightPlan:
    within: tuple[str, ...] = (wish.environment or DEFAULT_ENVIRONMENT,)
    return NightPlan(
        Path(),
        order_id,
        (WantedModel(wish.model, wish.recipes, wish.providers, wish.threads),),
        ",".join(names),
        mode=wish.mode,
        seconds=wish.seconds,
        runs=wish.runs,
        budget_s=_NO_BUDGET_S,
        quality=wish.quality,
        environments=dict.fromkeys(names, within),
    )


def _question(order_id: str, wish: RunWish, device: str) -> dict[str, Any]:
    return {
        "workflow": RUN,
        "order": order_id,
        "model": wish.model,
        "device": device,
        "mode": wish.mode,
        "seconds": wish.seconds,
        "runs": wish.runs,
    }


def _record(plan: NightPlan) -> dict[str, Any]:
    return {"mode": plan.mode, "seconds": plan.seconds, "runs": plan.runs, "quality": plan.quality}


def waiting(farm: Ledger) -> dict[str, int]:
    """Jobs that a device has before it, by device."""
    found = {device_of(queue): load.ready + load.later + load.running for queue, load in loads(farm).items()}
    return {device: count for device, count in found.items() if device is not None}
