"""A fine-tuning is a job: named by what it learns from, ended when nobody wants it, told when it fails."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.job import DONE, EXPORT, EXPORT_QUEUE, FAILED, READY, Job, JobState, Outcome
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, ExportFailed
from orchestrator.ledger.job_turns import claim, finish
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, jobs, submit
from orchestrator.ledger.store.places import store_of
from orchestrator.ledger.workers import begin_worker
from orchestrator.make.train.lessons import LESSONS
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import depot_of
from orchestrator.workflows.farm.export import export_job
from orchestrator.workflows.farm.export_handler import ExportHandler
from orchestrator.workflows.farm.export_queues import LEARN_QUEUE
from orchestrator.workflows.farm.learn import Course, Learned, learn_job, learned_of, with_farm_weights
from orchestrator.workflows.farm.parcel import Packed, pack
from orchestrator.workflows.prepare import Prepared, prepare_model
from tests.orchestrator.workflows.module_folder import add_module_folder

ASKED = Job("any", "order", EXPORT, EXPORT_QUEUE, "ada")
COURSE = Course(steps=3)
# What it prints is no answer.
REFUSES = "def build():\n    print('hello')\n    raise RuntimeError('no torch is needed to see this')\n"
ENDLESS = "import time\ndef build():\n    open('begun', 'w').close()\n    time.sleep(600)\n"
LESSON = "def lessons(seed):\n    yield\n"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "farm" / "ledger.db") as ledger:
        yield ledger


def _model(folder: Path, code: str) -> tuple[Prepared, Packed]:
    add_module_folder(folder, code + LESSON, lessons="net.py:lessons")
    prepared = prepare_model(str(folder), folder)
    return prepared, pack(str(folder), prepared, folder)


def _submitted(farm: Ledger, prepared: Prepared, packed: Packed) -> Job:
    store = store_of(farm)
    packed.send(store)
    job = learn_job(farm, store, prepared, packed, COURSE, ASKED)
    submit(farm, Order("order", "ada", "export", "learn"), [job])
    return job


def _begun(farm: Ledger) -> JobState:
    begun = claim(farm, LEARN_QUEUE, begin_worker(farm, "berlin", "berlin/host", {}))
    assert begun is not None
    return begun


def test_what_the_training_says_is_told(farm: Ledger, tmp_path: Path) -> None:
    job = _submitted(farm, *_model(tmp_path / "own", REFUSES))
    begun = _begun(farm)
    finish(farm, begun, ExportHandler(farm, store_of(farm), depot_of(farm, tmp_path / "berlin"))(begun, Stop()))
    [made] = jobs(farm, job_ids=[job.job_id])
    assert made.state == FAILED
    assert made.reason is not None
    assert "net.py:build failed: RuntimeError: no torch is needed to see this" in made.reason
    with pytest.raises(ExportFailed, match=r"is failed: .*no torch is needed"):
        learned_of(made)


@pytest.mark.parametrize("who", ["worker", "job"])
def test_it_ends_when_nobody_wants_it(farm: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    job = _submitted(farm, *_model(tmp_path / "own", ENDLESS))
    begun, stop, told = _begun(farm), Stop(), []
    monkeypatch.chdir(tmp_path)
    handler = ExportHandler(farm, store_of(farm), depot_of(farm, tmp_path / "berlin"))
    thread = threading.Thread(target=lambda: told.append(handler(begun, stop)))
    thread.start()
    while not (tmp_path / "begun").exists():
        thread.join(0.1)
        assert thread.is_alive(), told
    getattr(stop, who).set()
    thread.join()
    if who == "job":
        assert told == [Outcome(reason="cancelled while it ran")]
    else:
        assert jobs(farm, job_ids=[job.job_id])[0].state == READY


def test_a_process_that_was_killed_is_tried_again(farm: Ledger, tmp_path: Path) -> None:
    _submitted(farm, *_model(tmp_path / "own", "import os\ndef build():\n    os.kill(os.getpid(), 9)\n"))
    begun = _begun(farm)
    outcome = ExportHandler(farm, store_of(farm), depot_of(farm, tmp_path / "berlin"))(begun, Stop())
    assert outcome == Outcome(reason="the training process ended with -9", again=True)


def test_it_is_named_by_what_it_learns_from(farm: Ledger, tmp_path: Path) -> None:
    prepared, packed = _model(tmp_path / "own", REFUSES)
    store = store_of(farm)
    job = learn_job(farm, store, prepared, packed, COURSE, ASKED)
    assert job.queue == LEARN_QUEUE
    assert learn_job(farm, store, *_model(tmp_path / "elsewhere" / "own", REFUSES), COURSE, ASKED) == job
    assert learn_job(farm, store, prepared, packed, Course(steps=4), ASKED).job_id != job.job_id
    (tmp_path / "own" / "net.py").write_text(REFUSES + "def lessons(seed):\n    yield from ()\n")
    changed = prepare_model(str(tmp_path / "own"), tmp_path)
    other = learn_job(farm, store, changed, pack(str(tmp_path / "own"), changed, tmp_path), COURSE, ASKED)
    assert other.job_id != job.job_id


def test_a_model_without_batches_or_module_is_refused(farm: Ledger, tmp_path: Path) -> None:
    add_module_folder(tmp_path / "own", REFUSES)
    prepared = prepare_model(str(tmp_path / "own"), tmp_path)
    packed = pack(str(tmp_path / "own"), prepared, tmp_path)
    with pytest.raises(BadInput, match="names no function that gives training batches"):
        learn_job(farm, store_of(farm), prepared, packed, COURSE, ASKED)
    graph = replace(prepared.source, module=None, pte_path=tmp_path / "model.pte")
    with pytest.raises(ExportFailed, match="is a graph"):
        learn_job(farm, store_of(farm), replace(prepared, source=graph), packed, COURSE, ASKED)
    with pytest.raises(BadInput, match="between 0 and 1"):
        Course(rate=2.0)


def test_weights_that_were_learned_anywhere_are_weights_of_the_model(farm: Ledger, tmp_path: Path) -> None:
    """As a worker leaves them; what torch makes of them is in tests/export."""
    prepared, packed = _model(tmp_path / "own", REFUSES)
    job = _submitted(farm, prepared, packed)
    (tmp_path / "weights").write_bytes(b"weights")
    learned = Learned("qat-012345678901", store_of(farm).put(tmp_path / "weights"), 2.0, 1.0)
    finish(farm, _begun(farm), Outcome({**vars(learned)}))
    [made] = jobs(farm, job_ids=[job.job_id])
    assert made.state == DONE
    assert learned_of(made) == learned
    recipe = Recipe.parse("onnx:fp32(weights=qat-012345678901)")
    knowing = with_farm_weights(farm, prepared, [recipe, Recipe.parse("onnx:fp32")], tmp_path / "results" / "models")
    assert knowing.source.tuned["qat-012345678901"].read_bytes() == b"weights"
    assert with_farm_weights(farm, prepared, [Recipe.parse("onnx:fp32")], tmp_path) is prepared
    travels = pack(str(tmp_path / "own"), knowing, tmp_path, [recipe])
    assert travels.parcel.tuned == {"qat-012345678901": ".tuned/qat-012345678901.safetensors"}
    store_of(farm).delete(learned.sha256)
    assert learn_job(farm, store_of(farm), prepared, packed, COURSE, ASKED).job_id == f"{job.job_id}-1"


def test_an_export_of_learned_weights_needs_them(farm: Ledger, tmp_path: Path) -> None:
    prepared, packed = _model(tmp_path / "own", REFUSES)
    store, recipe = store_of(farm), Recipe.parse("onnx:int8-qdq")
    learning = learn_job(farm, store, prepared, packed, COURSE, ASKED)
    export = export_job(farm, store, prepared, packed, recipe, ASKED, learned=learning)
    assert export.needs == (learning.job_id,)
    assert export.queue == "export/torch"
    assert export.job_id != export_job(farm, store, prepared, packed, recipe, ASKED).job_id


def test_reference_models_that_learn_are_known() -> None:
    assert "kws" in LESSONS
