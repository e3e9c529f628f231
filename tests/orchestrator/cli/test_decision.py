"""How a decision is shown, and what can be asked for."""

import json

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli.decision import print_decision, selection_options
from orchestrator.cli.select import select
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from tests.sessions import STUDY, artifact, candidate, race, score

BASE, DYNAMIC = candidate(), candidate("onnx:int8-dynamic")


@click.command()
@selection_options
def asked(objective: Objective, constraints: Constraints) -> None:
    sessions = race(BASE, service_ms=4.0) + race(DYNAMIC, service_ms=2.0)
    artifacts = [artifact(), artifact("onnx:int8-dynamic", 220_000)]
    scores = [score(BASE, range(40)), score(DYNAMIC, range(40))]
    print_decision(
        decide(STUDY, sessions, artifacts, scores, objective=objective, constraints=constraints, heat="none")
    )


def shown(*flags: str) -> str:
    done = CliRunner().invoke(asked, flags, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_goals_gates_and_the_front_are_told() -> None:
    text = shown("--weigh", "latency=2,size=1", "--goal", "size:percent_min_improvement=50", "--max-rtf", "0.5")
    assert "score" in text.splitlines()[1]
    assert "size_mb:percent-min-improvement=50" in text
    goal, gate = (line.split() for line in text.splitlines() if line.startswith("size_mb:percent-min-improvement=50 "))
    assert goal[1:] == ["0.8", "0.4"], "what the default has, and the limit that follows"
    assert gate[1] == "1", "the default itself is kept out"
    assert "front: nobody is better in one and worse in none of median latency, artifact size, real-time factor" in text
    assert "lower weighted score than the fp32 default" in text
    assert "cold and hot: not known: none" in text


def test_what_is_bounded_has_a_column() -> None:
    text = shown("--min-streams", "2", "--max-miss-rate", "0.1")
    header = text.splitlines()[1]
    assert "streams" in header
    assert "late %" in header
    assert "streams" not in shown().splitlines()[1]
    assert "not measured: earshot run synthetic" in text


def test_the_presets_are_shown_as_the_files_that_they_are() -> None:
    text = CliRunner().invoke(select, ["--presets"]).output
    assert "# --preset wake-word" in text
    assert "max_p99_ms = 50" in text
    told = json.loads(CliRunner().invoke(select, ["--presets", "--json"]).output)
    assert set(told) == {"batch", "live-asr", "wake-word"}
    assert told["batch"]["says"].startswith("works off recordings")


@pytest.mark.parametrize("flags", [("--preset", "live-asr", "--max-p99-ms", "3"), ("--max-p99-ms", "3")])
def test_a_flag_wins_over_the_preset(flags: tuple[str, ...]) -> None:
    assert "max_p99_ms is 3" in shown(*flags)
