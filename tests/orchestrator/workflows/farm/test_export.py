"""An export is done once in the whole farm, and its artifact is the same at every site."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.job import DONE, EXPORT, EXPORT_QUEUE, FAILED, READY, Job, JobState, Outcome
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, jobs, submit
from orchestrator.ledger.store.places import store_of
from orchestrator.ledger.workers import begin_worker
from orchestrator.make.export import parallel
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.models.library import find_model
from orchestrator.make.quality.audio import write_wav
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import Depot, depot_of
from orchestrator.workflows.farm.export import artifact_at, export_job
from orchestrator.workflows.farm.export_handler import ExportHandler
from orchestrator.workflows.farm.export_queues import (
    all_export_queues,
    export_queue,
    export_record,
    missing_for,
    served_export_queues,
)
from orchestrator.workflows.farm.parcel import pack
from orchestrator.workflows.prepare import prepare_model
from tests.orchestrator.workflows.mini import add_mini, add_tflite

# The first one's bytes are the graph's own.
FP32, INT8 = Recipe.parse("onnx:fp32"), Recipe.parse("onnx:int8-dynamic")


@dataclass
class Farm:
    """A ledger, a submitter's library, and two sites that have never seen it."""

    ledger: Ledger
    models: Path
    exporting: Depot
    measuring: Depot
    orders: int = 0

    def job(self, recipe: Recipe = FP32, *, model: str = "mini", anew: bool = False) -> Job:
        prepared = prepare_model(model, self.models)
        packed, store = pack(model, prepared, self.models), store_of(self.ledger)
        packed.send(store)
        asked = Job("any", f"order {self.orders}", EXPORT, EXPORT_QUEUE, "ada")
        return export_job(self.ledger, store, prepared, packed, recipe, asked, anew=anew)

    def submit(self, job: Job) -> list[str]:
        self.orders += 1
        order = Order(f"order {self.orders}", "ada", "run", "a title")
        return submit(self.ledger, order, [replace(job, order_id=order.order_id)])

    def handler(self) -> ExportHandler:
        return ExportHandler(self.ledger, store_of(self.ledger), self.exporting)

    def do(self, job: Job, stop: Stop | None = None) -> JobState:
        """As a worker would."""
        begun = claim(self.ledger, job.queue, begin_worker(self.ledger, "berlin", "berlin/host", {}))
        assert begun is not None
        finish(self.ledger, begun, self.handler()(begun, stop or Stop()))
        return self.state(job)

    def state(self, job: Job) -> JobState:
        return jobs(self.ledger, job_ids=[job.job_id])[0]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    add_model(tmp_path / "submitter")
    with Ledger.open(tmp_path / "farm" / "ledger.db") as ledger:
        depots = [depot_of(ledger, tmp_path / site) for site in ("berlin", "oslo")]
        yield Farm(ledger, tmp_path / "submitter" / "models", *depots)


def add_model(results: Path) -> None:
    model = add_mini(results)
    noise = np.random.default_rng(0).integers(-3000, 3000, 64_000).astype(np.int16)
    write_wav(model / "noise.wav", noise, 16_000)
    lines = [{"audio_filepath": "noise.wav", "text": "yes", "split": split} for split in ("test", "calibration")]
    (model / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_an_artifact_is_made_at_one_site_and_is_the_same_at_another(farm: Farm) -> None:
    job = farm.job()
    assert farm.submit(job) == [job.job_id]
    made = farm.do(job)
    assert made.state == DONE
    assert made.result is not None
    artifact = artifact_at(farm.measuring, made)
    assert artifact.passed
    assert artifact.recipe == FP32
    assert artifact.path.is_relative_to(farm.measuring.artifacts)
    assert made.result["files"] == [artifact.sha256]
    assert artifact.path.read_bytes() == artifact_at(farm.exporting, made).path.read_bytes()
    recorded = farm.ledger.artifact(artifact.sha256)
    assert recorded is not None
    assert recorded.parity == artifact.parity
    assert farm.submit(farm.job()) == [], "nobody does it again"
    store_of(farm.ledger).delete(artifact.sha256)
    assert artifact_at(farm.measuring, made).path == artifact.path, "it is here already"


def test_two_sites_ask_for_the_same_by_the_same_name(farm: Farm, tmp_path: Path) -> None:
    add_model(tmp_path / "another")
    other = replace(farm, models=tmp_path / "another" / "models")
    assert farm.job().job_id == other.job().job_id
    assert farm.job().job_id != farm.job(INT8).job_id


def test_calibration_is_in_the_name(farm: Farm) -> None:
    before = farm.job().job_id
    manifest = farm.models / "mini" / "manifest.jsonl"
    manifest.write_text(manifest.read_text().splitlines()[0] + "\n")
    assert farm.job().job_id != before


def test_a_refusal_is_an_answer_that_who_needs_it_reads(farm: Farm) -> None:
    recipe = Recipe.parse("onnx:int8-dynamic(exclude_nodes=nowhere)")
    job = farm.job(recipe)
    farm.submit(job)
    made = farm.do(job)
    assert made.state == DONE
    with pytest.raises(ExportFailed, match=r"exclude_nodes=nowhere\) was refused: .*nowhere"):
        artifact_at(farm.measuring, made)
    assert farm.submit(farm.job(recipe)) == [], "nobody asks again"


def _answered(monkeypatch: pytest.MonkeyPatch, reason: str, hint: str | None = None) -> None:
    def refuse(source: Any, recipes: list[Recipe], *args: Any, **more: Any) -> list[ExportRefusal]:
        return [ExportRefusal(recipe, reason, hint) for recipe in recipes]

    monkeypatch.setattr(parallel, "export_all", refuse)


def test_what_a_host_could_not_do_is_tried_again(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    _answered(monkeypatch, "the exporting process ended by SIGKILL")
    job = farm.job()
    farm.submit(job)
    made = farm.do(job)
    assert (made.state, made.reason) == (READY, "the exporting process ended by SIGKILL")


def test_what_is_not_installed_is_no_answer(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    _answered(monkeypatch, "the PyTorch model own needs torch", "pip install 'earshot[export]'")
    job = farm.job()
    farm.submit(job)
    made = farm.do(job)
    assert made.state == FAILED
    assert made.reason is not None
    assert made.reason.startswith("this host cannot make it: the PyTorch model own needs torch (pip install")
    assert farm.submit(farm.job()) == [job.job_id], "it may be asked for again"


def test_a_worker_that_ends_gives_it_back(farm: Farm) -> None:
    job = farm.job()
    farm.submit(job)
    stop = Stop()
    stop.worker.set()
    made = farm.do(job, stop)
    assert (made.state, made.attempts) == (READY, 0)


def test_one_that_is_cancelled_ends_while_it_runs(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, asked = Stop(), threading.Event()

    def never(worker: Any, recipe: str) -> Any:
        asked.set()
        stop.job.set()
        worker._stopped.wait(60)
        return parallel.Answer(recipe, "interrupted")

    monkeypatch.setattr(parallel._Worker, "_ask", never)
    job = farm.job()
    farm.submit(job)
    begun = claim(farm.ledger, job.queue, begin_worker(farm.ledger, "berlin", "berlin/host", {}))
    assert begun is not None
    assert farm.handler()(begun, stop) == Outcome(reason="cancelled while it ran")
    assert asked.is_set()


def test_it_is_asked_for_anew_where_what_was_made_will_not_do(farm: Farm) -> None:
    job = farm.job(INT8)
    farm.submit(job)
    made = farm.do(job)
    assert made.result is not None
    assert farm.job(INT8, anew=True).job_id == f"{job.job_id}-1"
    tools = dict(made.result["tools"])
    worker = {"export_queues": [EXPORT_QUEUE], "export_tools": {**tools, "onnx": "99"}}
    begin_worker(farm.ledger, "oslo", "oslo/host", worker)
    newer = farm.job(INT8)
    assert newer.job_id == f"{job.job_id}-1", "nobody has those tools any more"
    begin_worker(farm.ledger, "rome", "rome/host", {**worker, "export_tools": tools})
    assert farm.job(INT8).job_id == job.job_id
    for sha256 in made.result["files"]:
        store_of(farm.ledger).delete(sha256)
    assert farm.job(INT8).job_id == f"{job.job_id}-1", "its file left the store"
    farm.submit(newer)
    assert farm.job(INT8).job_id == newer.job_id
    assert farm.do(newer).state == DONE
    assert farm.job(INT8).job_id == newer.job_id


@pytest.mark.parametrize(
    ("recipe", "queue"),
    [
        ("onnx:fp32", "export"),
        ("onnx:int8-qdq", "export"),
        ("onnx:fp32(opset=18)", "export"),
        ("litert:fp32", "export"),
        ("litert:int8-dynamic", "export/quantizer"),
        ("executorch:fp32", "export/torch"),
        ("torchscript:fp32", "export/torch"),
        ("openvino:fp16", "export/openvino"),
        ("qnn:fp16", "export/qnn"),
    ],
)
def test_a_graph_goes_where_its_tools_are(farm: Farm, recipe: str, queue: str) -> None:
    add_tflite(farm.models / "mini")
    assert export_queue(find_model("mini", farm.models), Recipe.parse(recipe)) == queue
    assert queue in all_export_queues()


@pytest.mark.parametrize(
    ("recipe", "queue"),
    [
        ("onnx:fp32", "export/torch"),
        ("litert:int8-dynamic", "export/torch"),
        ("openvino:fp16", "export/openvino-torch"),
        ("qnn:fp16", "export/qnn-torch"),
    ],
)
def test_what_is_made_of_a_module_needs_torch(tmp_path: Path, recipe: str, queue: str) -> None:
    assert export_queue(find_model("digits-quartznet", tmp_path), Recipe.parse(recipe)) == queue
    assert queue in all_export_queues()


def test_a_host_serves_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"ai_edge_quantizer", "openvino", "nncf"}
    monkeypatch.setattr(
        "orchestrator.workflows.farm.export_queues.find_spec", lambda name: name if name in known else None
    )
    assert served_export_queues() == ("export", "export/openvino", "export/quantizer")
    assert missing_for("export/qnn") == ("onnxruntime_qnn",)
    assert "torch" in missing_for("export/openvino-torch")
    record = export_record()
    assert record["export_queues"] == ["export", "export/openvino", "export/quantizer"]
    assert isinstance(record["export_tools"], dict)
    assert "onnx" in record["export_tools"]
