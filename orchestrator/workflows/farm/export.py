"""An export as a job of the farm: what names it, so that no two sites do the same work, and what it leaves."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from agents.contract import StreamContract
from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.job import DONE, EXPORT, Job, JobState
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.base import Store
from orchestrator.ledger.workers import workers
from orchestrator.make.export.known import REVISION
from orchestrator.make.export.store import ArtifactStore, Record, record_of
from orchestrator.workflows.farm.depot import Depot
from orchestrator.workflows.farm.editions import newest_edition
from orchestrator.workflows.farm.export_queues import export_queue, same_tools
from orchestrator.workflows.farm.parcel import Packed
from orchestrator.workflows.prepare import Prepared, calibration_of

_SUBMIT_AGAIN = "submit it again"


@dataclass(frozen=True)
class ExportWork:
    """``parcel``: its hash in the store. ``learned``: the fine-tuning job whose weights it is made of; None: the
    model's own, or those that the recipe names. ``edition`` counts how often the same was asked for anew.
    """

    parcel: str
    model: str
    recipe: str
    learned: str | None = None
    edition: int = 0


@dataclass(frozen=True)
class Exported:
    """What a done job of a recipe left: the artifact, whose files are in the store, or why there is none."""

    record: Record | None = None
    contract: StreamContract | None = None
    refused: str | None = None
    hint: str | None = None
    tools: dict[str, str] | None = None

    @property
    def files(self) -> list[str]:
        """Hashes."""
        if self.record is None:
            return []
        return [part.sha256 for part in self.record.parts.values()] or [self.record.sha256]

    def as_result(self) -> dict[str, Any]:
        told: dict[str, Any] = to_json(self)
        return {**told, "files": self.files, "sha256": self.record.sha256 if self.record else None}


def export_job(
    ledger: Ledger,
    store: Store,
    prepared: Prepared,
    packed: Packed,
    recipe: Recipe,
    asked: Job,
    *,
    learned: Job | None = None,
    anew: bool = False,
) -> Job:
    """``asked`` with the id, queue and payload of this export; its order, user, position, priority, deadline stay.
    ``learned``: the fine-tuning (``farm_learn.py``) whose weights it takes; then it needs that job.

    The id follows from model, recipe, calibration audio and revision of the exporters, so that a known export is not
    done twice. One that was done is asked for anew where its files left the store, where no worker that lives has the
    tools any more that it was made with, or where ``anew`` says so.
    """

    def stands(done: JobState) -> bool:
        known = exported_of(done)
        return not anew and _still_made(ledger, known) and all(store.has(sha256) for sha256 in known.files)

    job_id, edition = newest_edition(ledger, f"export-{_key(prepared, packed, recipe, learned)}", stands)
    work = ExportWork(packed.sha256, prepared.source.name, str(recipe), learned.job_id if learned else None, edition)
    return replace(
        asked,
        job_id=job_id,
        kind=EXPORT,
        queue=export_queue(prepared.source, recipe, learned=learned is not None),
        needs=(learned.job_id,) if learned else (),
        payload=to_json(work),
    )


def _key(prepared: Prepared, packed: Packed, recipe: Recipe, learned: Job | None) -> str:
    calibration = calibration_of(prepared)
    heard = calibration.sha256 if calibration else None
    parts = [REVISION, packed.parcel.identity, str(recipe), heard, learned.job_id if learned else None]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _still_made(ledger: Ledger, exported: Exported) -> bool:
    told = [worker.record for worker in workers(ledger) if worker.alive and worker.record.get("export_tools")]
    return not told or any(same_tools(exported.tools or {}, record) for record in told)


def export_work(job: Job) -> ExportWork:
    """Raises BadInput for a payload that this Earshot cannot read."""
    try:
        return from_json(ExportWork, job.payload)
    except MalformedJson as exc:
        raise BadInput(f"job {job.job_id} was submitted by another Earshot: {exc}", hint=_SUBMIT_AGAIN) from exc


def exported_of(made: JobState) -> Exported:
    """Of an export that is done. Raises ExportFailed where it is not, BadInput for one of another Earshot."""
    if made.state != DONE or made.result is None:
        raise ExportFailed(f"export {made.job.job_id} is {made.state}: {made.reason or 'nothing says why'}")
    told = {name: value for name, value in made.result.items() if name not in ("files", "sha256")}
    try:
        return from_json(Exported, told)
    except MalformedJson as exc:
        raise BadInput(f"the result of {made.job.job_id} is another Earshot's: {exc}", hint=_SUBMIT_AGAIN) from exc


def told_of(artifact: Artifact) -> Exported:
    return Exported(record_of(artifact), artifact.contract, tools=artifact.provenance.tools)


def artifact_at(depot: Depot, made: JobState) -> Artifact:
    """The artifact of a done export, with its files in the depot's ``artifacts/``; fetched where they are not here.

    Raises ExportFailed where the export was refused, StoreError where a file cannot be had.
    """
    exported = exported_of(made)
    if exported.record is None or exported.contract is None:
        recipe = export_work(made.job).recipe
        raise ExportFailed(f"{recipe} was refused: {exported.refused}", hint=exported.hint)
    return ArtifactStore(depot.artifacts).adopt(exported.record, exported.contract, depot.cache.place)
