import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest

from agents.strict_json import from_json, to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.exporter import export
from orchestrator.make.export.outcome import ExportRefusal
from orchestrator.make.export.parallel import Outcome, export_all, job_of
from orchestrator.make.export.worker import Job
from orchestrator.make.models.module import ModuleRef
from orchestrator.make.models.source import ModelSource
from tests import graphs

RECIPES = tuple(Recipe.parse(r) for r in ("onnx:fp32", "onnx:int4-weight", "onnx:int8-qdq", "onnx:fp16"))


def test_a_failing_recipe_stops_no_other(conv: ModelSource, store: Path, calibration: CalibrationStream) -> None:
    seen: list[tuple[int, int, str]] = []

    def on_progress(done: int, total: int, outcome: Outcome) -> None:
        seen.append((done, total, str(outcome.recipe)))

    outcomes = export_all(conv, RECIPES, store, calibration, jobs=2, on_progress=on_progress)
    assert [o.recipe for o in outcomes] == list(RECIPES), "in the order of the recipes"
    refusal = outcomes[1]
    assert isinstance(refusal, ExportRefusal)
    assert "matrix products" in refusal.reason
    assert refusal.hint is not None
    assert all(isinstance(o, Artifact) for o in (outcomes[0], *outcomes[2:]))
    assert [s[:2] for s in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {s[2] for s in seen} == {str(r) for r in RECIPES}
    assert not children()

    again = export_all(conv, RECIPES[2:], store, calibration, jobs=2)
    assert again == outcomes[2:], "from the store"
    other = export(conv, RECIPES[2], store.parent / "other", calibration)
    assert other.sha256 == again[0].sha256  # type: ignore[union-attr]


def test_a_killed_process_costs_its_recipe_only(conv: ModelSource, store: Path) -> None:
    slow = CalibrationStream(tuple(graphs.babble(20.0, s) for s in range(3)), max_feeds=3000)

    def on_progress(done: int, total: int, outcome: Outcome) -> None:
        if done == 1:
            time.sleep(0.2)
            for pid in children():
                os.kill(pid, signal.SIGKILL)

    recipes = [RECIPES[0], Recipe.parse("onnx:int8-qdq(calibration=percentile)"), RECIPES[3]]
    outcomes = export_all(conv, recipes, store, slow, jobs=1, on_progress=on_progress)
    assert isinstance(outcomes[1], ExportRefusal)
    assert outcomes[1].reason == "the exporting process ended by SIGKILL"
    assert isinstance(outcomes[2], Artifact)
    assert not children()


def test_a_recipe_that_never_ends(conv: ModelSource, store: Path) -> None:
    (outcome,) = export_all(conv, RECIPES[:1], store, jobs=1, timeout_s=0.01)
    assert isinstance(outcome, ExportRefusal)
    assert outcome.reason.startswith("the exporting process took longer than 0.01 s")


WORKER = b"orchestrator.make.export.worker"
PROGRAM = """
import sys
from pathlib import Path
from orchestrator.make.export.calibration import CalibrationStream
from orchestrator.make.export.parallel import export_all
from orchestrator.domain.recipe import Recipe
from orchestrator.make.models.source import ModelSource
from tests import graphs

source = ModelSource("conv", graphs.conv_contract(graphs.conv_graph()), Path(sys.argv[1]), "0" * 64, None)
slow = CalibrationStream(tuple(graphs.babble(20.0, s) for s in range(3)), max_feeds=3000)
recipes = [Recipe.parse(f"onnx:int8-qdq(activation={a},calibration=percentile)") for a in ("u8", "s8")]
print("started", flush=True)
try:
    export_all(source, [Recipe.parse("onnx:fp32"), *recipes], Path(sys.argv[2]), slow, 2, lambda *_: print("one"))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def exporting(conv: ModelSource, store: Path) -> "tuple[subprocess.Popen[str], list[int]]":
    """A program whose first recipe is done and whose workers are busy with slow ones.

    It has no ``__main__`` guard on purpose: the workers do not import it.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    program = subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, str(conv.onnx_path), str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "started\n"
    assert program.stdout.readline() == "one\n", "fp32 is done, the slow ones are under way"
    workers = children(program.pid)
    assert workers
    return program, workers


def test_ctrl_c_ends_the_workers_and_leaves_whole_artifacts(conv: ModelSource, store: Path) -> None:
    program, workers = exporting(conv, store)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert (out, err, program.returncode) == ("interrupted\n", "", 0)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert_only_the_first(store)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent ended")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_a_program_that_could_not_end_them(
    conv: ModelSource, store: Path, ending: signal.Signals
) -> None:
    program, workers = exporting(conv, store)
    program.send_signal(ending)
    program.communicate(timeout=30)
    assert program.returncode == -ending
    deadline = time.monotonic() + 30
    while (left := [pid for pid in workers if runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    # Not by getting to the end of their recipes.
    assert_only_the_first(store)


def assert_only_the_first(store: Path) -> None:
    assert len(list((store / "index").glob("*.json"))) == 1
    assert not list(store.glob(".new-*"))


def runs(pid: int) -> bool:
    """Whether it is there, and no zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("jobs", [1, 8])
def test_more_jobs_than_recipes(lstm: ModelSource, store: Path, jobs: int) -> None:
    (outcome,) = export_all(lstm, [Recipe.parse("onnx:int8-dynamic")], store, jobs=jobs)
    assert isinstance(outcome, Artifact)


def children(parent: int | None = None) -> list[int]:
    """Live export workers of ``parent``, by default of this process, from /proc.

    Other children do not count: a test before may have left its sshd to the tests after it.
    """
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(fields[1]) == (parent or os.getpid()) and fields[0] != "Z" and WORKER in command:
            found.append(int(stat.parent.name))
    return found


def test_a_job_carries_all_that_a_source_is_made_of(conv: ModelSource, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("model.py", "weights.bin", "words.csv", "a.tflite", "a.pte")}
    for path in files.values():
        path.write_text("# here\n")
    ref = ModuleRef(f"{files['model.py']}:build", ("small",), (files["model.py"], files["weights.bin"]))
    source = replace(
        conv,
        tflite_path=files["a.tflite"],
        pte_path=files["a.pte"],
        module=ref,
        step_module=replace(ref, args=("step",)),
        lexicon_path=files["words.csv"],
    )
    sent = json.loads(json.dumps(to_json(job_of(source, tmp_path / "store", None, tmp_path))))
    arrived = from_json(Job, sent).exporter().source
    own = {f.name: getattr(arrived, f.name) for f in fields(ModelSource)}
    assert ModelSource(**own) == source
