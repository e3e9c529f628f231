"""``earshot run --mode multi`` on this machine: a search with real sessions, and one that goes on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.streams import streams_held
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.streams import hold_streams
from orchestrator.workflows.streams_wanted import StreamsWanted
from tests.orchestrator.cli.command import earshot


def test_a_search_with_real_sessions(results: Path, tmp_path: Path) -> None:
    # Other tests run beside this one, so late chunks are allowed.
    asked = ["run", "mini", "--mode", "multi", "--max-streams", "2", "--seconds", "1"]
    done = earshot(*asked, "--miss-budget", "90%", "--results", str(results), "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)["streams_held"]
    assert (said["value"], said["low"], said["high"], said["most"]) == (2, 2, None, 2)
    assert (said["sharing"], said["miss_budget"], said["deadline_ms"]) == ("processes", 0.9, 20.0)
    assert [one["streams"] for one in said["tried"]] == [1, 2]
    assert said["tried"][1]["runs"][0]["chunks"] == 100
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        (kept,) = streams_held(ledger, "local", "mini")
        assert kept.value == 2
        used = {run.session_id for one in kept.tried for run in one.runs}
        found = [s for s in ledger.sessions(kept.study_id) if s.session_id in used]
        assert len(found) == len(used), "every run that is told is in the ledger"
        assert all(sum(s.planned.streams == n for s in found) >= 2 for n in (1, 2))
        assert ledger.study(kept.study_id).status == "finished"  # type: ignore[union-attr]
        two = next(s for s in found if s.planned.streams == 2)
        assert (two.result.sharing, two.arrays["stream"].tolist()) == ("processes", [0] * 50 + [1] * 50)
        phases = {s.arrays["t_ns"][50, 0] - s.arrays["t_ns"][0, 0] for s in found if s.planned.streams == 2}
        assert len(phases) >= 2, "each run has phases of its own"


class Interrupted(Silent):
    """Ctrl-C when this is about to begin."""

    def __init__(self, before: str = "") -> None:
        self._before = before

    def step(self, what: str) -> None:
        if what == self._before:
            raise KeyboardInterrupt


def settings(results: Path) -> RunSettings:
    wanted = StreamsWanted(budget=0.9, most_streams=2, sharing="one-session")
    recipe = Recipe.parse("onnx:fp32")
    return RunSettings("mini", recipe, "multi", results=results, seconds=1.0, streams=wanted, deadline_ms=40.0)


def test_the_same_command_goes_on(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        hold_streams(settings(results), Interrupted("2 streams, run 2"))
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        (study,) = ledger.studies()
        before = {s.session_id: s.started_utc for s in ledger.sessions(study.study_id)}
        assert study.status == "running"
        assert before
    found = hold_streams(settings(results), Interrupted())
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        assert [s.study_id for s in ledger.studies()] == [found.study_id]
        after = {s.session_id: s.started_utc for s in ledger.sessions(found.study_id)}
    assert before.items() < after.items(), "what was measured is not measured again"
    assert (found.value, found.sharing, found.deadline_ms) == (2, "one-session", 40.0)


def test_what_cannot_be_wanted(results: Path) -> None:
    for wrong in ({"budget": 0.0}, {"budget": 1.0}, {"most_streams": 0}, {"most_runs": 1}, {"sharing": "threads"}):
        with pytest.raises(BadInput):
            StreamsWanted(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="mode multi, and no other"):
        replace(settings(results), mode="paced")
