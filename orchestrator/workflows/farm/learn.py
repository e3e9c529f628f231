"""Fine-tuning as a job of the farm: what names it, and the weights that it leaves for exports to begin with."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.domain.job import DONE, EXPORT, Job, JobState
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import jobs
from orchestrator.ledger.store.base import Store, digest_of
from orchestrator.ledger.store.cache import Cache
from orchestrator.ledger.store.places import store_of
from orchestrator.make.models.source import ModelSource
from orchestrator.make.train.lessons import LESSONS
from orchestrator.make.train.tuned import WEIGHTS, with_tuned
from orchestrator.workflows.farm.editions import newest_edition
from orchestrator.workflows.farm.export_queues import LEARN_QUEUE
from orchestrator.workflows.farm.parcel import Packed
from orchestrator.workflows.prepare import Prepared, trained_folder

_SUBMIT_AGAIN = "submit it again"
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Course:
    """``steps`` batches, ``rate`` the highest learning rate; the same seed and threads learn the same. Raises
    BadInput.
    """

    steps: int = 200
    rate: float = 1e-4
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.rate < 1 or self.threads < 1:
            raise BadInput(f"steps and threads are > 0, and a rate is between 0 and 1, got {self}")


@dataclass(frozen=True)
class LearnWork:
    """``learn`` says by being there that the job is none of a recipe."""

    parcel: str
    model: str
    learn: Course
    edition: int = 0


@dataclass(frozen=True)
class Learned:
    """``weights``: what recipes call them. Losses: the mean of the first and of the last few steps."""

    weights: str
    sha256: str
    first_loss: float
    last_loss: float

    @property
    def file(self) -> str:
        return self.weights + _SUFFIX


def learn_job(ledger: Ledger, store: Store, prepared: Prepared, packed: Packed, course: Course, asked: Job) -> Job:
    """``asked`` as the fine-tuning of this model; who submits the same gets the same weights.

    Raises BadInput for a model without training batches, ExportFailed for one that is no PyTorch module.
    """
    source = prepared.source
    parts = [packed.parcel.identity, to_json(course), _lessons(source)]
    name = f"learn-{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]}"
    job_id, edition = newest_edition(ledger, name, lambda done: store.has(learned_of(done).sha256))
    work = LearnWork(packed.sha256, source.name, course, edition)
    return replace(asked, job_id=job_id, kind=EXPORT, queue=LEARN_QUEUE, payload=to_json(work))


def _lessons(source: ModelSource) -> str:
    """What its batches are made by. Raises as ``learn_job``."""
    source.needed_module()
    if source.lessons is not None and source.lessons.rpartition(":")[0].endswith(".py"):
        place, _, function = source.lessons.rpartition(":")
        return f"{digest_of(Path(place))[0]}:{function}"
    named = source.lessons or LESSONS.get(source.name)
    if named is None:
        raise BadInput(
            f"{source.name} names no function that gives training batches; those that do are {', '.join(LESSONS)}",
            hint='write one, and name it in model.toml: lessons = "file.py:function"',
        )
    return named


def learn_work(job: Job) -> LearnWork | None:
    """None for a job of a recipe. Raises BadInput for a payload that this Earshot cannot read."""
    if "learn" not in job.payload:
        return None
    try:
        return from_json(LearnWork, job.payload)
    except MalformedJson as exc:
        raise BadInput(f"job {job.job_id} was submitted by another Earshot: {exc}", hint=_SUBMIT_AGAIN) from exc


def learned_of(made: JobState) -> Learned:
    """Of a fine-tuning that is done. Raises ExportFailed where it is not, BadInput for one of another Earshot."""
    if made.state != DONE or made.result is None:
        raise ExportFailed(f"fine-tuning {made.job.job_id} is {made.state}: {made.reason or 'nothing says why'}")
    try:
        return from_json(Learned, made.result)
    except MalformedJson as exc:
        raise BadInput(f"the result of {made.job.job_id} is another Earshot's: {exc}", hint=_SUBMIT_AGAIN) from exc


def with_farm_weights(farm: Ledger, prepared: Prepared, recipes: Iterable[Recipe], models_dir: Path) -> Prepared:
    """``prepared`` that knows the weights which ``recipes`` name and which were learned somewhere in the farm; they are
    kept beside those that were learned here. Raises StoreError.
    """
    source = prepared.source
    wanted = {recipe.get(WEIGHTS, "") for recipe in recipes} - {"", *source.tuned}
    if not wanted:
        return prepared
    folder = trained_folder(models_dir, source.name)
    cache = Cache(models_dir.parent / "cache", store_of(farm))
    for made in jobs(farm, queues=[LEARN_QUEUE], states=[DONE]):
        work = learn_work(made.job)
        if work is not None and work.model == source.name and (learned := learned_of(made)).weights in wanted:
            cache.place(learned.sha256, folder / learned.file)
    return replace(prepared, source=with_tuned(source, folder))
