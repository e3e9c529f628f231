"""Exports that need torch as jobs of a farm: fine-tuned at one site, exported there, the same at another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.job import DONE, EXPORT, EXPORT_QUEUE, Job, JobState
from orchestrator.domain.recipe import Recipe
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, jobs, submit
from orchestrator.ledger.store.places import store_of
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import depot_of
from orchestrator.workflows.farm.export import artifact_at, export_job
from orchestrator.workflows.farm.export_handler import ExportHandler
from orchestrator.workflows.farm.export_queues import missing_for
from orchestrator.workflows.farm.learn import Course, learn_job, learned_of, with_farm_weights
from orchestrator.workflows.farm.parcel import pack
from orchestrator.workflows.prepare import prepare_model

ASKED = Job("any", "order", EXPORT, EXPORT_QUEUE, "ada")
INT8 = Recipe.parse("onnx:int8-qdq(activation=s8,granularity=channel)")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "farm" / "ledger.db") as ledger:
        yield ledger


def _done(farm: Ledger, handler: ExportHandler, job: Job) -> JobState:
    """As a worker of its queue would."""
    assert missing_for(job.queue) == ()
    begun = claim(farm, job.queue, begin_worker(farm, "berlin", "berlin/host", {}))
    assert begun is not None
    assert begun.job.job_id == job.job_id
    finish(farm, begun, handler(begun, Stop()))
    [made] = jobs(farm, job_ids=[job.job_id])
    assert made.state == DONE, made.reason
    return made


def test_weights_are_learned_and_exported_as_jobs(farm: Ledger, tmp_path: Path) -> None:
    models, store = tmp_path / "submitter" / "models", store_of(farm)
    prepared = prepare_model("kws", models)
    packed = pack("kws", prepared, models)
    packed.send(store)
    learning = learn_job(farm, store, prepared, packed, Course(steps=12), ASKED)
    export = export_job(farm, store, prepared, packed, INT8, ASKED, learned=learning)
    submit(farm, Order("order", "ada", "export", "kws, fine-tuned"), [learning, export])
    handler = ExportHandler(farm, store, depot_of(farm, tmp_path / "berlin"))
    learned = learned_of(_done(farm, handler, learning))
    assert learned.weights.startswith("qat-")
    made = _done(farm, handler, export)
    artifact = artifact_at(depot_of(farm, tmp_path / "oslo"), made)
    assert artifact.passed
    assert artifact.recipe == INT8.with_options(weights=learned.weights)

    # Who submits may name the weights from now on, and gets the very same artifact.
    knowing = with_farm_weights(farm, prepared, [artifact.recipe], models)
    travels = pack("kws", knowing, models, [artifact.recipe])
    travels.send(store)
    named = export_job(farm, store, knowing, travels, artifact.recipe, ASKED)
    submit(farm, Order("order 2", "ada", "export", "kws"), [replace(named, order_id="order 2")])
    assert artifact_at(depot_of(farm, tmp_path / "oslo"), _done(farm, handler, named)).sha256 == artifact.sha256


def test_a_module_is_exported_at_another_site(farm: Ledger, tmp_path: Path) -> None:
    models, store = tmp_path / "submitter" / "models", store_of(farm)
    prepared = prepare_model("digits-quartznet", models)
    packed = pack("digits-quartznet", prepared, models)
    packed.send(store)
    export = export_job(farm, store, prepared, packed, Recipe.parse("onnx:fp32"), ASKED)
    assert export.queue == "export/torch"
    submit(farm, Order("order", "ada", "export", "digits"), [export])
    made = _done(farm, ExportHandler(farm, store, depot_of(farm, tmp_path / "berlin")), export)
    artifact = artifact_at(depot_of(farm, tmp_path / "oslo"), made)
    assert artifact.passed
    assert artifact.provenance.source_sha256 == prepared.source.sha256
