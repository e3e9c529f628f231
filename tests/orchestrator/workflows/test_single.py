"""``earshot run``: one session, as it was asked for."""

import json
import subprocess
import sys
from pathlib import Path

from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.workflows.command import environment


def test_threads_recipe_and_length_are_those_that_were_asked_for(results: Path) -> None:
    asked = ["run", "mini", "--recipe", "onnx:fp32", "--threads", "2", "--seconds", "1", "--mode", "flat-out", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *asked, "--results", str(results)],
        env=environment(results.parent),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
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
