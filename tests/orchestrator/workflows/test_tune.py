"""The main job, whole, in a process of its own: local, over SSH, killed and resumed."""

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

from orchestrator.ledger.ledger import Ledger
from tests.hosts import SshHost, lab_text
from tests.orchestrator.workflows.command import argv, environment, tune, tuned


def test_it_leaves_ledger_report_and_a_bundle_that_fit_together(results: Path) -> None:
    said = tuned(results)
    decision = said["decision"]
    assert decision["verdict"] in ("winner", "no-difference")
    assert decision["verification"]["byte_equal"] is True
    recipes = {c["candidate"]["recipe"]["precision"] for c in decision["candidates"]}
    assert recipes == {"fp32", "int8-qdq"}
    _check_bundle(Path(said["bundle"]), decision)
    page = Path(said["report"]).read_text()
    assert decision["sentence"].split(":")[0][:40] in page
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        sessions = ledger.sessions(decision["study_id"])
        assert {s.planned.mode for s in sessions} == {"placement", "flat-out", "evaluate", "paced"}
        assert all(s.ok for s in sessions)
        assert ledger.study(decision["study_id"]).status == "finished"  # type: ignore[union-attr]


def _check_bundle(bundle: Path, decision: dict[str, Any]) -> None:
    recommendation = json.loads((bundle / "recommendation.json").read_text())
    shipped = (bundle / recommendation["file"]["name"]).read_bytes()
    assert hashlib.sha256(shipped).hexdigest() == recommendation["file"]["sha256"]
    assert recommendation["sentence"] == decision["sentence"]
    assert len(recommendation["not_chosen"]) == len(decision["candidates"]) - 1
    assert recommendation["evidence"]["sessions"]
    support = json.loads((bundle / "device_support.json").read_text())
    (entry,) = support["device_support"]
    assert entry["identifier_prefixes"][-1] == decision["device_model"]
    assert entry["default"] == entry["fallback"][0] == decision["winner"]
    assert entry["fallback"][-1] == decision["baseline"]
    for key in entry["fallback"]:
        for file in support["configurations"][key]["files"].values():
            assert hashlib.sha256((bundle / file["name"]).read_bytes()).hexdigest() == file["sha256"]


def test_a_person_sees_progress_a_table_and_one_sentence(results: Path) -> None:
    done = tune(results)
    assert done.returncode == 0, done.stderr
    for stage in ("exporting", "deploying", "placement", "screening", "quality", "race, paced", "verifying"):
        assert stage in done.stderr
    assert re.search(r"\(about \d", done.stderr)
    assert "onnx:int8-qdq(weight=u8) CPU 1t" in done.stdout
    assert "verified: " in done.stdout
    assert "report  " in done.stdout


def test_killed_anywhere_and_started_again_nothing_is_measured_twice(results: Path) -> None:
    kept = [_kill_after(results, finished) for finished in (2, 7)]
    said = tuned(results)
    assert said["resumed"] is True
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        assert len(ledger.studies()) == 1
        final = {s.session_id: s.started_utc for s in ledger.sessions(said["decision"]["study_id"], with_arrays=False)}
    for before in kept:
        assert before.items() <= final.items()
    with sqlite3.connect(results / "ledger.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    journals = sorted(p.parent.name for p in results.parent.glob(".cache/earshot/sessions/*/events.jsonl"))
    assert journals == sorted(final), "each session of the ledger ran once on the device, and no other"


def _kill_after(results: Path, finished: int) -> dict[str, str]:
    """Start ids and times of the sessions in the ledger when the controller was killed -9."""
    process = subprocess.Popen(
        argv(results), env=environment(results.parent), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline_s = time.monotonic() + 120
        while (found := _sessions(results)) is None or len(found) < finished:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    kept = _sessions(results)
    assert kept is not None
    return kept


def _sessions(results: Path) -> dict[str, str] | None:
    """None until the ledger has its tables."""
    if not (results / "ledger.db").exists():
        return None
    with sqlite3.connect(f"file:{results / 'ledger.db'}?mode=ro", uri=True) as connection:
        try:
            return dict(connection.execute("select session_id, started_utc from sessions").fetchall())
        except sqlite3.OperationalError:
            return None


def test_over_ssh_it_says_the_same_things(results: Path, ssh_host: SshHost, tmp_path: Path) -> None:
    local = tuned(results)
    lab = tmp_path / "lab.toml"
    lab.write_text(lab_text(ssh_host))
    remote = tuned(results, "--device", "device", "--lab", str(lab))
    one, other = local["decision"], remote["decision"]
    assert one["device_model"] == other["device_model"]
    # Who is looked at beside the default follows from what was measured.
    here, there = ({json.dumps(c["candidate"]): set(c["metrics"]) for c in d["candidates"]} for d in (one, other))
    both = set(here) & set(there)
    assert both
    assert {key: here[key] for key in both} == {key: there[key] for key in both}
    assert remote["decision"]["device"] == "device"
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        local_ones, ssh_ones = (ledger.sessions(d["study_id"]) for d in (one, other))
        assert {s.environment.transport for s in ssh_ones} == {"ssh"}
        assert {frozenset(s.arrays) for s in local_ones} == {frozenset(s.arrays) for s in ssh_ones}
        scores = [{s.candidate_key: s.value for s in ledger.scores(d["study_id"])} for d in (one, other)]
    assert set(scores[0]) & set(scores[1])
    for key in set(scores[0]) & set(scores[1]):
        assert scores[0][key] == scores[1][key], "the same bytes and the same audio give the same quality"


def test_an_infeasible_request_names_what_binds_and_the_nearest(results: Path) -> None:
    done = tune(results, "--max-p50-ms", "0.0001")
    assert done.returncode == 7
    assert "max_p50_ms = 0.0001 ms is binding" in done.stdout
    assert "the nearest, onnx:" in done.stdout
    assert not (results / "bundles").exists()


def test_a_model_by_its_path_is_the_model_of_its_name(results: Path) -> None:
    """Its artifacts, its study and its report have one name."""
    command = argv(results)
    command[command.index("mini")] = str(results / "models" / "mini" / "model.onnx")
    done = subprocess.run(
        command, env=environment(results.parent), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        (study,) = ledger.studies()
        assert {artifact.model for artifact in ledger.artifacts()} == {study.model}
