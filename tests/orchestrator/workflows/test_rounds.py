"""A model that plain int8 ruins ends, without a person, in a mixed recipe that hears as well as fp32.

By size, which is exact: how fast it is here and now, no test can promise (benchmarks/bench_rounds.py measures it).
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.rounds import Rounds, Trial
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rounds import record_rounds, rounds_of
from tests import outlier

# Seven bits of weights saturate on no CPU.
RUINED = "onnx:int8-qdq(granularity=channel,reduce_range=yes)"
SHAPE = outlier.Shape(width=96, hidden=5, spoiled=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose results have the model in their library, and a finished study of it."""
    folder = tmp_path_factory.mktemp("rounds")
    outlier.make(folder / "results" / "models" / "outlier", SHAPE, clips=12)
    return folder


def tune(home: Path, results: Path) -> dict[str, Any]:
    """What ``--json`` prints. ``home``: below it is the local device's disk."""
    argv = [sys.executable, "-m", "orchestrator.cli", "tune", "outlier", "--results", str(results), "--recipe", RUINED]
    argv += ["--threads", "1", "--minimize", "size", "--paced-seconds", "1", "--allow-suspect", "--rounds", "1"]
    argv += ["--budget-minutes", "3", "--json", "--quiet"]
    done = subprocess.run(
        argv, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


@pytest.fixture(scope="module")
def said(home: Path) -> dict[str, Any]:
    return tune(home, home / "results")


def found(results: Path, said: dict[str, Any]) -> Rounds:
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        rounds = rounds_of(ledger, said["decision"]["study_id"])
    assert rounds is not None
    return rounds


def test_it_ends_in_a_mixed_recipe(said: dict[str, Any]) -> None:
    decision = said["decision"]
    (winner,) = [c for c in decision["candidates"] if c["status"] == "winner"]
    assert winner["candidate"]["recipe"]["precision"] == "int8-qdq"
    in_float = dict(winner["candidate"]["recipe"]["options"])["exclude_nodes"].split("+")
    assert set(SHAPE.spoiled_pair) <= set(in_float)
    # All the other layers that multiply are int8.
    assert not {"layer_0", "layer_3", "layer_4", "head"} & set(in_float)
    assert winner["metrics"]["quality_loss"]["high"] <= 0.01
    # Re-exported from its text alone, it gave the same bytes.
    assert decision["verification"]["byte_equal"] is True
    assert decision["verification"]["passed"] is True


def test_the_ledger_has_each_round_with_its_reasons(home: Path, said: dict[str, Any]) -> None:
    rounds = found(home / "results", said)
    first = rounds.rounds[0]
    assert (first.seed, first.aim) == (RUINED, "mend")
    assert "x_2 that layer_2 reads" in first.hypothesis
    worst = min(first.sensitivity.layers, key=lambda layer: layer.worst_db)
    assert worst.node == "layer_2"
    assert worst.worst_db < 15.0
    assert {h.recipe for h in first.heard if h.refused is None} < {h.recipe for h in first.heard}
    (trial, *_) = first.trials
    assert trial.outcome == "passed"
    assert trial.prediction.loss == pytest.approx(0.0, abs=0.01)
    assert trial.quality_loss is not None
    assert trial.quality_loss.high is not None
    assert trial.quality_loss.high <= 0.01
    assert trial.speed is not None
    assert trial.speed.value is not None
    assert trial.speed.value > 1.5
    assert trial.metric == "size_mb"
    assert first.gain is not None
    assert first.verdict is not None
    assert rounds.ended == "1 round was asked for"
    assert said["rounds"]["ended"] == rounds.ended
    assert said["rounds"]["rounds"][0]["hypothesis"] == first.hypothesis


def test_the_report_shows_the_rounds(home: Path, said: dict[str, Any]) -> None:
    page = Path(said["report"]).read_text()
    rounds = found(home / "results", said)
    assert '<section id="rounds">' in page
    assert "Round 1" in page
    assert "layer_2 reads leaves" in page
    assert 'id="table-layers-1"' in page
    assert str(rounds.ended) in page


def test_an_interrupted_study_does_no_round_again(home: Path, said: dict[str, Any]) -> None:
    """Stopped after its round was planned: that round is measured, and not planned anew."""
    again = home / "again"
    shutil.copytree(home / "results", again)
    first = found(again, said).rounds[0]
    unmeasured = tuple(Trial(t.recipe, t.prediction) for t in first.trials)
    planned = replace(first, hypothesis="planned before", trials=unmeasured, verdict=None, gain=None)
    with Ledger.open(again / "ledger.db") as ledger:
        record_rounds(ledger, Rounds(said["decision"]["study_id"], (planned,)))
        ledger.finish_study(said["decision"]["study_id"], "running")
        sessions = ledger.finished_ids(said["decision"]["study_id"])
    resumed = tune(home, again)
    assert resumed["resumed"] is True
    assert resumed["decision"]["study_id"] == said["decision"]["study_id"]
    (done,) = found(again, resumed).rounds
    assert done.hypothesis == "planned before"
    assert done.trials[0].outcome == "passed"
    assert done.trials[0].quality_loss == first.trials[0].quality_loss
    assert resumed["decision"]["winner"] == said["decision"]["winner"]
    with Ledger.open(again / "ledger.db", create=False) as ledger:
        assert ledger.finished_ids(said["decision"]["study_id"]) == sessions
