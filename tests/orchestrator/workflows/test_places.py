"""A device's Python environments as places where candidates run: here the tests' own Python under a second name."""

import sys
from pathlib import Path

import pytest

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate, default_of
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.study import Study
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.push import push_blobs
from orchestrator.measure.lab.inventory import find_device, load_lab
from orchestrator.workflows.artifact_files import files_of
from orchestrator.workflows.option_axis import SessionOption
from orchestrator.workflows.places import Place, other_places
from orchestrator.workflows.prepare import Exported, deploy_agent, prepare_model
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.race import Race
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.run_work import prepared_work
from orchestrator.workflows.session_runner import Material, SessionRunner
from orchestrator.workflows.settings import TuneSettings


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(
        f"""
[devices.local]
transport = "local"
root = "{tmp_path / "root"}"

[devices.local.environments.twin]
python = "{sys.executable}"

[devices.local.environments.absent]
packages = ["numpy", "onnxruntime-openvino"]
"""
    )
    return path


def test_what_is_there_is_a_place_and_what_is_not_is_told(lab: Path) -> None:
    device, heard = find_device(load_lab(lab), "local"), Heard()
    agent, where = deploy_agent(device, heard)
    with agent.transport:
        places = other_places(device, Place(agent, where), heard)
    assert list(places) == ["twin"]
    twin = places["twin"]
    assert twin.environment.python_environment == "twin"
    assert twin.environment.probe.sensors == where.probe.sensors
    assert (twin.agent.transport, twin.agent.root) == (agent.transport, agent.root)
    (note,) = heard.notes
    assert note.startswith("the environment absent is left out: the environment absent is not on local")
    assert "earshot devices setup local --environment absent" in note


def test_a_candidate_of_another_environment_runs_there_and_says_so(lab: Path, results: Path) -> None:
    settings = RunSettings("mini", Recipe.parse("onnx:fp32"), mode="flat-out", results=results)
    device = find_device(load_lab(lab), "local")
    with prepared_work(settings, Silent()) as work:
        agent, where = deploy_agent(device, Silent())
        with agent.transport:
            places = other_places(device, Place(agent, where), Silent())
            push_blobs(agent, [*files_of(work.artifact), work.audio])
            study = Study("s-1", "mini", "local", "2026-01-01T00:00:00+00:00", {})
            work.ledger.begin_study(study)
            work.ledger.record_artifact(work.artifact)
            material = {"test": Material(work.audio[1], work.audio[1], ())}
            artifacts = {work.artifact.sha256: work.artifact}
            runner = SessionRunner(work.ledger, study, agent, where, material, artifacts, Silent(), places=places)
            candidates = _candidates(runner, work.artifact)
            there = next(c for c in candidates if c.environment == "twin")
            session = runner.run(runner.plan(there, "placement"))
    assert (session.environment.python_environment, session.planned.candidate.environment) == ("twin", "twin")
    assert session.result.placement[0].provider == "CPUExecutionProvider"
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        kept = ledger.session(session.session_id)
    assert kept is not None
    assert kept.result.operators == session.result.operators
    assert "Conv" in {o.op for o in kept.result.operators}


def _candidates(runner: SessionRunner, artifact: Artifact) -> list[Candidate]:
    """What a study would try: environments x options, the default once."""
    settings = TuneSettings("mini", threads=(1,), options=(SessionOption.parse("allow_spinning=0"),))
    prepared = prepare_model("mini", runner.ledger.place.folder / "models")
    found = Race(settings, prepared, Exported((artifact,), ()), runner)._candidates()
    onnx = [c for c in found if c.runtime == "onnxruntime"]
    assert [(c.environment, c.session_options) for c in onnx] == [
        (None, {}),
        (None, {"allow_spinning": "0"}),
        ("twin", {}),
        ("twin", {"allow_spinning": "0"}),
    ]
    assert default_of(found) == onnx[0]
    return found
