"""``earshot run`` with a policy and a recorded trace: what was asked for is in the session and in the ledger."""

import json
from pathlib import Path

import numpy as np

from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.cli.command import earshot


def test_policy_ring_and_trace_reach_the_device(results: Path, tmp_path: Path) -> None:
    trace = tmp_path / "mic.txt"
    trace.write_text("0\n4\n")
    asked = ("run", "mini", "--seconds", "1", "--policy", "drop-newest", "--ring", "3", "--arrivals", str(trace))
    done = earshot(*asked, "--results", str(results), "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["result"]["policy"], said["result"]["traced"]) == ("drop-newest", True)
    figures = {figure["name"]: figure for figure in said["figures"]}
    assert figures["verdict"]["value"] in ("valid", "suspect", "invalid")
    assert figures["overruns"]["note"] == "policy drop-newest"
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        session = ledger.session(said["session"])
        assert session is not None
        arrivals = session.timeline(16000).arrival_ns
        steps = set(np.diff(arrivals).tolist())
        assert len(steps) == 2
        assert max(steps) - min(steps) == 8_000_000


def test_what_cannot_be_asked_for(results: Path, tmp_path: Path) -> None:
    for asked, words in (
        (("--policy", "drop"), "'drop' is not one of"),
        (("--ring", "0"), "0 is not in the range x>=1"),
        (("--arrivals", str(tmp_path / "none")), "cannot read the trace"),
        (("--mode", "flat-out", "--policy", "block"), "nothing arrives in mode flat-out"),
        (("--mode", "sustained", "--minutes", "1"), "1.0 is not in the range x>=3"),
    ):
        done = earshot("run", "mini", *asked, "--results", str(results), home=tmp_path)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
