"""``earshot run``: one session, as it was asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.strict_json import to_json
from orchestrator.domain.latency_budget import budget
from orchestrator.domain.perceived import Perceived, perceived
from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.workflows.command import environment


def run(results: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "run", "mini", *asked, "--results", str(results)],
        env=environment(results.parent),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_latency_of_words_and_the_deadline_can_be_computed_again_from_the_ledger(results: Path) -> None:
    done = run(results, "--seconds", "8", "--deadline-ms", "0.000001", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert next(f for f in said["figures"] if f["name"] == "miss rate")["value"] == 1.0
    parts = {part["name"]: part for part in said["perceived"]["parts"]}
    assert said["perceived"]["heard"] > 0
    total = sum(part["mean_ms"] for name, part in parts.items() if name != "sum")
    assert parts["sum"]["mean_ms"] == pytest.approx(total)
    assert parts["sum"]["p95"]["value"] is None
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        session = ledger.session(said["session"])
        assert session is not None
        artifact = ledger.artifact(session.planned.candidate.artifact_sha256)
        assert artifact is not None
        again = perceived(session, artifact.contract)
        assert session.planned.deadline_ns == 1
    assert isinstance(again, Perceived)
    assert to_json(budget(again)) == said["perceived"]


def test_threads_recipe_and_length_are_those_that_were_asked_for(results: Path) -> None:
    done = run(results, "--recipe", "onnx:fp32", "--threads", "2", "--seconds", "1", "--mode", "flat-out", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["result"]["chunk_count"] == 50
    assert {"RTF", "service time, p50", "model, p50"} <= {f["name"] for f in said["figures"]}
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        session = ledger.session(said["session"])
        assert session is not None
        assert session.planned.candidate.threads == 2
        assert str(session.planned.candidate.recipe) == "onnx:fp32"
        assert session.arrays["t_ns"].shape == (50, 5)
