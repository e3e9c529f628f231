"""``earshot tune`` on several stand-ins: two device models with different true winners; two units in one study."""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import VERIFY_BLOCK, Session
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.standin.lab_text import lab_text
from orchestrator.measure.standin.standin import StandIn
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.tune import TuneOutcome
from orchestrator.workflows.tune_several import tune_several
from tests.lab.fixtures import MakeStandIn
from tests.orchestrator.workflows.mini import add_mini, add_tflite, however_busy

# What onnxruntime needs of the tests' own packages; nothing of LiteRT is among them.
_PACKAGES = ("numpy", "numpy.libs", "onnxruntime", "flatbuffers", "packaging", "google", "ml_dtypes")
LITERT = Recipe.parse("litert:fp32")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    however_busy(monkeypatch)
    folder = tmp_path / "earshot-results"
    add_tflite(add_mini(folder))
    return folder


def without_litert(standin: StandIn) -> StandIn:
    """A virtual environment on the device's own disk that has onnxruntime and no LiteRT, and is its Python."""
    inside = Path("/home/pi/onnx-only")
    folder = standin.host.disk.path(str(inside))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in _PACKAGES:
        source = Path(sysconfig.get_path("purelib")) / name
        if source.exists():
            (packages / name).symlink_to(source)
    shutil.chown(folder, 1000, 1000)
    device = replace(standin.device, python=str(inside / "bin/python"))
    return replace(standin, devices=(device, *standin.devices[1:]))


def tuned(results: Path, lab: Path, *standins: StandIn) -> dict[str, TuneOutcome]:
    """By device model. Memory: LiteRT takes 15 MB less than onnxruntime, however busy this machine is."""
    lab.write_text(lab_text(s.device for s in standins))
    settings = TuneSettings(
        "mini",
        lab=lab,
        results=results,
        recipes=(LITERT,),
        objective=Objective("memory"),
        constraints=Constraints(max_quality_loss=1.0, real_time=False),
        budget_s=0.6,
        paced_s=0.7,
        flat_out_s=1.0,
        finalists=1,
        allow_suspect=True,
        rounds=0,
    )
    found = tune_several(settings, ",".join(s.name for s in standins), Silent())
    assert [one.error for one in found] == [None] * len(found)
    return {",".join(one.units): one.outcome for one in found if one.outcome is not None}


def test_each_device_model_gets_the_winner_that_is_its_own(
    make_standin: MakeStandIn, results: Path, tmp_path: Path
) -> None:
    rich, poor = make_standin("pi5"), without_litert(make_standin("pi4"))
    told = tuned(results, tmp_path / "lab.toml", rich, poor)
    assert _winner(told["pi5"]).runtime == "litert"
    assert _winner(told["pi4"]).runtime == "onnxruntime"
    (unfit,) = [p for p in told["pi4"].pruned if p.what == str(LITERT)]
    assert "litert cannot be used on the device" in unfit.reason
    for one in told.values():
        assert one.bundle is not None
        recommended = json.loads((one.bundle / "recommendation.json").read_text())
        assert recommended["sentence"] == one.decision.sentence
    assert len({one.bundle for one in told.values()}) == len({one.report for one in told.values()}) == 2


def _winner(one: TuneOutcome) -> Candidate:
    decision = one.decision
    assert decision.winner is not None, decision.sentence
    assert decision.verification is not None
    assert decision.verification.passed, decision.verification.reason
    return decision.of(decision.winner).candidate


def test_units_of_one_device_model_share_a_study(make_standin: MakeStandIn, results: Path, tmp_path: Path) -> None:
    left, right = make_standin("pi5", name="pi5-a"), make_standin("pi5", name="pi5-b")
    told = tuned(results, tmp_path / "lab.toml", left, right)["pi5-a,pi5-b"]
    assert _winner(told).runtime == "litert"
    decision = told.decision
    assert decision.verification is not None
    assert "pi5-a: verified" in decision.verification.reason
    assert "pi5-b: verified" in decision.verification.reason
    of_winner, of_default = told.spread
    assert set(of_winner.units) == set(of_default.units) == {"pi5-a", "pi5-b"}
    assert of_winner.spread is not None
    assert "between units" in of_winner.sentence
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        assert len(ledger.studies()) == 1
        sessions = ledger.sessions(decision.study_id, with_arrays=False)
    _check_shared(sessions, str(decision.winner), str(decision.baseline))


def _check_shared(sessions: list[Session], winner: str, baseline: str) -> None:
    """Both units worked; a paced block is whole on one of them, and has the default in it."""
    units = defaultdict(set)
    members = defaultdict(set)
    for session in sessions:
        planned = session.planned
        assert planned.device == session.environment.device
        if planned.mode == "paced" and planned.block < VERIFY_BLOCK:
            units[planned.block].add(planned.device)
            members[planned.block].add(planned.candidate.key)
    assert {len(on) for on in units.values()} == {1}
    assert {name for on in units.values() for name in on} == {"pi5-a", "pi5-b"}
    assert all({winner, baseline} <= inside for inside in members.values())
    looks = {s.planned.device for s in sessions if s.planned.mode == "flat-out"}
    assert looks == {"pi5-a", "pi5-b"}
