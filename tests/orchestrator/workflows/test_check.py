"""`earshot models check` whole, as a process: a table in which no cell is empty, made once."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ledger.ledger import Ledger
from tests.orchestrator.workflows.command import environment
from tests.orchestrator.workflows.mini import add_mini

RECIPES = ("onnx:fp32", "onnx:int4-weight", "onnx:int8-qdq")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Results folder and what was said, of a model and of one whose contract is broken."""
    results = tmp_path_factory.mktemp("check")
    add_mini(results)
    shutil.copytree(results / "models" / "mini", results / "models" / "mimi")
    (results / "models" / "mimi" / "contract.json").write_text("{}")
    return results, said(results, "mini", "mimi")


def said(results: Path, *models: str) -> dict[str, Any]:
    recipes = [part for recipe in RECIPES for part in ("--recipe", recipe)]
    argv = ["models", "check", *models, *recipes, "--results", str(results), "--json"]
    argv += ["--markdown", str(results / "models.md")]
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *argv],
        env=environment(results.parent),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_recipe_has_a_row_and_no_cell_is_empty(checked: tuple[Path, dict[str, Any]]) -> None:
    rows = checked[1]["rows"]
    assert [(r["model"], r["recipe"]) for r in rows] == [*(("mini", r) for r in RECIPES), ("mimi", "-")]
    assert all(str(cell).strip() for row in rows for cell in row.values())
    assert checked[1]["totals"] == {"models": 1, "recipes": 4, "exported": 2, "proven": 2, "run": 2}


def test_what_was_made_was_run_and_scored(checked: tuple[Path, dict[str, Any]]) -> None:
    fp32, _, int8, _ = checked[1]["rows"]
    assert (fp32["exported"], fp32["parity"]) == ("yes", "0, exact")
    assert fp32["runs here"] == "onnxruntime CPUExecutionProvider"
    assert fp32["task"].startswith("accuracy 0.9") or fp32["task"] == "accuracy 1.0000"
    assert int8["parity"].endswith(" dB")
    with Ledger.open(checked[0] / "ledger.db", create=False) as ledger:
        (study,) = ledger.studies()
        assert {s.planned.mode for s in ledger.sessions(study.study_id)} == {"evaluate"}
        scores = {s.session_id: s.value for s in ledger.scores(study.study_id)}
    for row in (fp32, int8):
        assert row["task"] == f"accuracy {scores[row['row']['ran']['session_id']]:.4f}"


def test_what_was_not_made_says_why(checked: tuple[Path, dict[str, Any]]) -> None:
    _, int4, _, broken = checked[1]["rows"]
    assert "quantizes matrix products with constant weights only" in int4["exported"]
    assert (int4["parity"], int4["size kB"], int4["task"], int4["runs here"]) == (
        "not exported",
        "not exported",
        "not run",
        "no: not exported",
    )
    assert "is no stream contract" in broken["exported"]
    assert "infers it again" in broken["exported"]


def test_a_name_that_nobody_knows_is_a_slip_of_the_pen(checked: tuple[Path, dict[str, Any]]) -> None:
    argv = ["models", "check", "mini", "mino", "--results", str(checked[0])]
    command = [sys.executable, "-m", "orchestrator.cli", *argv]
    done = subprocess.run(command, env=environment(checked[0].parent), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no model 'mino'" in done.stderr
    assert "did you mean mini?" in done.stderr
    assert not done.stdout


def test_it_is_a_page_too(checked: tuple[Path, dict[str, Any]]) -> None:
    lines = (checked[0] / "models.md").read_text().splitlines()
    assert "1 models, 4 recipes: 2 artifacts, 2 of them within parity, 2 run here" in lines[2]
    rows = [line for line in lines if line.startswith("| mini ")]
    assert len(rows) == 3
    assert all(row.count(" | ") == 6 for row in rows)


def test_nothing_is_done_again(checked: tuple[Path, dict[str, Any]]) -> None:
    results, first = checked
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        before = ledger.sessions(ledger.studies()[0].study_id, with_arrays=False)
    stored = sorted((results / "artifacts").rglob("*"))
    assert said(results, "mini", "mimi") == first
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        (study,) = ledger.studies()
        assert ledger.sessions(study.study_id, with_arrays=False) == before
    assert sorted((results / "artifacts").rglob("*")) == stored
