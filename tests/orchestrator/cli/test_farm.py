"""``earshot farm simulate``: what a person and a program read."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.farm_shown import print_simulation
from orchestrator.cli.main import cli
from orchestrator.workflows.simulation.told import (
    Counted,
    DatabaseTold,
    Machine,
    Makespan,
    Overhead,
    SimulationTold,
    WorkerTold,
)

TOLD = SimulationTold(
    devices=200,
    sessions_each=20,
    speed=1.0,
    seed=0,
    executor="in-process",
    complete=True,
    planning_s=0.03,
    submitting_s=0.9,
    done=4000,
    makespan=Makespan(240.0, 234.0, "twin-00007", 60.0),
    overhead=Overhead(80.0, 200.0, 900.0),
    counted=Counted(4000, 4000, 20, {"done": 4000}, 3, 1, 1, (), 0),
    database=DatabaseTold(
        "postgresql",
        {"xact_commit": 120.0, "statements": 350.0, "tup_inserted": 250.0},
        {"xact_commit": 7.2, "statements": 21.0, "tup_inserted": 15.0},
        {"Lock advisory": 0.02},
        240,
        {"sessions": 4000},
        {"session_arrays": 44_000_000},
        32_000_000,
        70_000_000,
        30.0,
        4,
    ),
    workers=(WorkerTold("site-000", 200, 80.0, 160_000_000),),
    simulation=WorkerTold("simulation", 200, 2.0, 100_000_000),
    machine=Machine(2, 0.3, 1.2),
)


def test_a_simulation_is_run_and_told_as_json(tmp_path: Path) -> None:
    argv = ["farm", "simulate", "--devices", "3", "--sessions", "2", "--seconds", "1", "--speed", "20", "--json"]
    done = CliRunner().invoke(cli, [*argv, "--folder", str(tmp_path / "twins")])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["counted"]["recorded"] == told["done"] == 6
    assert told["counted"]["faults"] == []
    assert "sessions on twins: 6 steps" in done.stderr
    refused = CliRunner().invoke(cli, [*argv, "--folder", str(tmp_path / "twins")])
    assert "is not empty" in str(refused.exception)


def test_the_table_says_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    print_simulation(TOLD)
    shown = capsys.readouterr().out
    assert "longer by" in shown
    assert "2.56%" in shown
    assert "80 ms" in shown
    assert "20.0 ms of processor a session" in shown
    assert "160 MB" in shown
    assert "Lock advisory 0.02" in shown
    assert "11.0 kB a session, 8.0 of them arrays" in shown
    assert "each once, none beside another" in shown


def test_what_must_not_be_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    counted = Counted(4000, 3999, 0, {"done": 3999}, 0, 0, 0, ("session x ran 2 times",), 3)
    print_simulation(SimulationTold(**{**vars(TOLD), "counted": counted, "complete": False}))
    shown = capsys.readouterr().out
    assert "interrupted after 4000 of 4000 sessions" in shown
    assert "3 things that must not be" in shown
    assert "session x ran 2 times" in shown
    assert "longer by" not in shown
