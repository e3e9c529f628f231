"""The controller dies, comes back, comes back on another machine, or is one of two: each session runs once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agents import wire
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.run import Arrays, run_session
from tests.lab.faults.board import ROOT, Board, Seen, spec_of, until
from tests.orchestrator.measure.sessions import Files
from tests.orchestrator.workflows.mini import add_mini

REPOSITORY = Path(__file__).resolve().parents[3]
RUN = ("run", "mini", "--once", "--device", "pi5", "--seconds", "4", "--json")
# Long enough for two commands of another controller.
LONG_RUN = ("run", "mini", "--once", "--device", "pi5", "--seconds", "20", "--json")


class Controller:
    """Earshot on a machine of its own: a home, and a results folder in it."""

    def __init__(self, home: Path, board: Board) -> None:
        self.home, self.results = home, home / "results"
        home.mkdir()
        (home / "lab.toml").write_text(board.lab_text())

    def start(self, *words: str) -> "subprocess.Popen[str]":
        # The same words on every machine: the question is the same, and so is the study.
        argv = [sys.executable, "-m", "orchestrator.cli", *words, "--lab", "lab.toml"]
        if words[0] == "run" or words[1] == "collect":
            argv += ["--results", "results"]
        return subprocess.Popen(
            argv,
            cwd=self.home,
            env={**os.environ, "HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str) -> Any:
        """Its JSON."""
        process = self.start(*words)
        stdout, stderr = process.communicate(timeout=180)
        assert process.returncode == 0, stderr
        return json.loads(stdout)

    def sessions(self) -> dict[str, str]:
        with Ledger.open(self.results / "ledger.db", create=False) as ledger:
            studies = ledger.studies()
            return {s.session_id: s.result.outcome for study in studies for s in ledger.sessions(study.study_id)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the model ``mini`` and its artifact, made once on this machine."""
    home = tmp_path_factory.mktemp("exported")
    add_mini(home / "results")
    argv = [sys.executable, "-m", "orchestrator.cli", "run", "mini", "--once", "--seconds", "0.5", "--mode", "flat-out"]
    environment = {**os.environ, "HOME": str(home)}
    subprocess.run([*argv, "--results", str(home / "results")], env=environment, check=True, capture_output=True)
    (home / "results" / "ledger.db").unlink()
    return home / "results"


@pytest.fixture
def first(pi5: Board, exported: Path, tmp_path: Path) -> Controller:
    controller = Controller(tmp_path / "first", pi5)
    shutil.copytree(exported, controller.results)
    return controller


def kill_while_it_measures(controller: Controller, board: Board, run: tuple[str, ...] = RUN) -> str:
    """kill -9 as soon as chunks flow; returns the session's id."""
    process = controller.start(*run)
    try:
        until(lambda: bool(streaming(board)), lambda: f"nothing streams: {process.poll()}")
        (session_id,) = streaming(board)
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    return session_id


def streaming(board: Board) -> list[str]:
    found = board.path(f"{ROOT}/sessions").glob("*/events.jsonl")
    return [path.parent.name for path in found if '"progress"' in (text := path.read_text()) and "finished" not in text]


def test_killed_and_started_again(pi5: Board, first: Controller) -> None:
    session_id = kill_while_it_measures(first, pi5)
    assert first.run(*RUN)["session"] == session_id
    assert first.sessions() == {session_id: "ok"}
    # In the ledger, so no longer on the device.
    assert list(pi5.path(f"{ROOT}/sessions").iterdir()) == []
    pi5.assert_nothing_left()


def test_killed_and_continued_on_another_host_with_a_copy_of_its_results(
    pi5: Board, first: Controller, tmp_path: Path
) -> None:
    session_id = kill_while_it_measures(first, pi5)
    other = Controller(tmp_path / "other", pi5)
    shutil.copytree(first.results, other.results)
    shutil.rmtree(first.home)
    assert other.run(*RUN)["session"] == session_id
    assert other.sessions() == {session_id: "ok"}
    pi5.assert_nothing_left()


def test_killed_and_collected_on_another_host_that_knows_nothing(pi5: Board, first: Controller, tmp_path: Path) -> None:
    session_id = kill_while_it_measures(first, pi5, LONG_RUN)
    shutil.rmtree(first.home)
    other = Controller(tmp_path / "other", pi5)
    (kept,) = other.run("devices", "sessions", "pi5", "--json")
    assert (kept["session_id"], kept["state"], kept["mode"]) == (session_id, "running", "paced")
    (left_alone,) = other.run("devices", "collect", "pi5", "--json")
    assert left_alone["what"] == "running"
    until(lambda: not pi5.running(), lambda: f"still running: {pi5.running()}")
    (collected,) = other.run("devices", "collect", "pi5", "--json")
    assert (collected["session_id"], collected["what"], collected["outcome"]) == (session_id, "collected", "ok")
    assert other.sessions() == {session_id: "ok"}
    with Ledger.open(other.results / "ledger.db") as ledger:
        session = ledger.session(session_id)
        assert session is not None
        assert len(session.arrays["t_ns"]) == session.planned.chunk_count
        artifact = ledger.artifact(session.planned.candidate.artifact_sha256)
        assert artifact is not None
        assert artifact.path.stat().st_size == artifact.size_bytes
    assert other.run("devices", "sessions", "pi5", "--json") == []
    pi5.assert_nothing_left()


def test_two_race_for_the_same_session(pi5: Board, files: Files, tmp_path: Path) -> None:
    # Whatever lease was given out before: none is needed for a session that is there already.
    spec = spec_of(files, "raced", fence=1_000_000)
    answers: dict[int, tuple[Seen, wire.RunResult, Arrays]] = {}

    def race(number: int) -> None:
        with pi5.agent(files) as agent:
            barrier.wait()
            seen = Seen()
            result, arrays = run_session(agent, spec, on_event=seen, arrays_dir=tmp_path / str(number))
            answers[number] = (seen, result, arrays)

    barrier = threading.Barrier(3)
    racers = [threading.Thread(target=race, args=(number,)) for number in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    for seen, result, arrays in answers.values():
        seen.assert_whole(result, arrays)
    assert len(answers) == 3
    assert len({arrays["t_ns"].tobytes() for _, _, arrays in answers.values()}) == 1, "it ran more than once"
    pi5.assert_nothing_left()
