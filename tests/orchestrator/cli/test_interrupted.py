"""Ctrl-C in the middle of a job, a full disk below it, and faults that nobody foresaw."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.interleave import block_order
from tests.orchestrator.cli.command import (
    BAD_INPUT,
    INFEASIBLE,
    INTERRUPTED,
    assert_refused,
    assert_sound,
    earshot,
    rows,
)
from tests.orchestrator.workflows.command import argv, environment
from tests.orchestrator.workflows.mini import add_mini

WAIT_S = 120.0


def interrupt_after(results: Path, sessions: int) -> "subprocess.CompletedProcess[str]":
    """``earshot tune mini``, with Ctrl-C once so many sessions are in the ledger."""
    process = subprocess.Popen(
        argv(results),
        env=environment(results.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A terminal sends the signal to every process of the foreground group, the export's children too.
        start_new_session=True,
    )
    deadline_s = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < deadline_s and _sessions(results) < sessions:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=WAIT_S)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


def _sessions(results: Path) -> int:
    if not (results / "ledger.db").exists():
        return -1
    tables = {name for (name,) in rows(results, "select name from sqlite_master")}
    return int(rows(results, "select count(*) from sessions")[0][0]) if "sessions" in tables else -1


def test_ctrl_c_in_a_drift_says_that_nothing_of_it_is_kept(tmp_path: Path) -> None:
    results = tmp_path / "earshot-results"
    add_mini(results)
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", "drift", "mini", "--recipe", "onnx:fp32", "--results", str(results)],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "loop 1" in line or "streaming" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == INTERRUPTED, said
    assert said.rstrip().endswith("nothing of it is; the same command begins anew")
    assert not (results / "drift").exists()
    assert not list(results.glob("drift-*.html"))


def test_ctrl_c_anywhere_and_the_same_command_finishes(tmp_path: Path) -> None:
    results = tmp_path / "earshot-results"
    add_mini(results)
    # In the exports, then while sessions run.
    for sessions in (0, 2):
        done = interrupt_after(results, sessions)
        assert done.returncode == INTERRUPTED, done.stderr
        assert done.stderr.rstrip().endswith("the same command goes on from there")
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert_sound(results)
    home = results.parent
    (study,) = [study for (study,) in rows(results, "select study_id from studies")]
    undecided = earshot("report", "--results", str(results), home=home)
    assert_refused(undecided, BAD_INPUT, f"study {study} was interrupted before its decision", then="earshot tune mini")
    selected = earshot("select", "--results", str(results), "--json", home=home)
    assert (selected.returncode, json.loads(selected.stdout)["verdict"]) == (INFEASIBLE, "infeasible")
    finished = subprocess.run(
        argv(results, "--json"), env=environment(home), capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stderr
    said = json.loads(finished.stdout)
    assert (said["resumed"], said["decision"]["study_id"]) == (True, study)
    assert_sound(results)


@pytest.mark.parametrize("among", [(), ("--devices", "local")], ids=["one device", "one of several"])
def test_ctrl_c_in_the_race_leaves_a_decision(tmp_path: Path, among: tuple[str, ...]) -> None:
    """What `earshot select` and `earshot report` show until the study goes on."""
    results = tmp_path / "earshot-results"
    add_mini(results)
    process = subprocess.Popen(
        argv(results, *among), env=environment(tmp_path), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    raced = "select count(*) from sessions where mode = 'paced'"
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s and (_sessions(results) < 1 or rows(results, raced)[0][0] < 2):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == INTERRUPTED, said
    assert "so far: " in said
    assert_sound(results)
    selected = earshot("select", "--max-quality-loss", "1", "--results", str(results), "--json", home=tmp_path)
    (study,) = [study for (study,) in rows(results, "select study_id from studies")]
    decision = json.loads(selected.stdout)
    assert (selected.returncode, decision["study_id"]) == (0, study), selected.stderr
    assert decision["winner"] is not None
    assert decision["sentence"].split(":")[0] in said
    report = earshot("report", "--results", str(results), home=tmp_path)
    assert report.returncode == 0, report.stderr


def test_a_comparison_goes_on_where_it_was(tmp_path: Path) -> None:
    """Ctrl-C, then a controller that is killed: what is measured stays, and the order is that of the seed."""
    results = tmp_path / "earshot-results"
    add_mini(results)
    words = ("compare", "mini", "onnx:fp32", "onnx:int8-dynamic", "--mode", "flat-out", "--runs", "2", "--seconds", "2")
    command = [*words, "--seed", "7", "--results", str(results)]
    before: list[tuple[object, ...]] = []
    for signal_number, sessions in ((signal.SIGINT, 1), (signal.SIGKILL, 2)):
        _interrupted(command, results, signal_number, sessions)
        assert_sound(results)
        found = _told(results)
        assert found[: len(before)] == before, "nothing was measured again"
        before = found
    finished = earshot(*command, "--json", home=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "sessions are in the ledger already" in finished.stderr
    assert _told(results)[: len(before)] == before
    (effect,) = [e for e in json.loads(finished.stdout)["effects"] if e["metric"] == "service_p50_ms"]
    assert (effect["ratio"]["n"], effect["paired"]) == (2, True)
    with Ledger.open(results / "ledger.db") as ledger:
        (study,) = ledger.studies()
        first = [s.planned for s in ledger.sessions(study.study_id, with_arrays=False) if s.planned.attempt == 0]
    for block in range(2):
        placed = sorted((p for p in first if p.block == block), key=lambda p: p.position)
        recipes = [str(p.candidate.recipe) for p in placed]
        assert recipes == list(block_order(["onnx:fp32", "onnx:int8-dynamic"], block, 7))


def _interrupted(command: list[str], results: Path, signal_number: int, sessions: int) -> None:
    """The command, with the signal once so many sessions are in the ledger."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", *command],
        env=environment(results.parent),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline_s = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < deadline_s and _sessions(results) < sessions:
        time.sleep(0.02)
    os.killpg(process.pid, signal_number)
    process.wait(timeout=WAIT_S)


def _told(results: Path) -> list[tuple[object, ...]]:
    return rows(results, "select session_id, started_utc, duration_s from sessions order by rowid")


RAISING = """
import sys
import orchestrator.cli.main as m

def fault():
    {fault}

import click
type(m.cli).get_command = lambda self, ctx, name: click.Command(name, callback=fault)
m.main(["ledger"])
"""


def raising(fault: str) -> "subprocess.CompletedProcess[str]":
    """``earshot`` with a verb that does ``fault``."""
    return subprocess.run(
        [sys.executable, "-c", RAISING.format(fault=fault)], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "fault",
    ["1 / 0", "open('/no/such/file')", "raise AssertionError", f"raise OSError({errno.EINVAL}, 'Invalid argument')"],
)
def test_a_bug_keeps_its_traceback(fault: str) -> None:
    done = raising(fault)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "next:" not in done.stderr


def test_a_disk_that_fails_below_a_command_is_no_bug() -> None:
    done = raising(f"raise OSError({errno.ENOSPC}, 'No space left on device', 'r/report.html')")
    assert_refused(done, 1, "disk of this machine failed: No space left on device: r/report.html", then="--results")
