"""``earshot cascade`` on this machine, with small real graphs: figures, ledger, page, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents import cascade_arrays as at
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.cascade import CascadeSettings, run_cascades
from orchestrator.workflows.cascade_file import read_cascade
from orchestrator.workflows.progress import Silent
from tests import cascades
from tests.orchestrator.cli.command import earshot


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a results folder whose library holds the models, and a cascade file."""
    folder = tmp_path_factory.mktemp("cascade")
    cascades.lay_library(folder / "results" / "models")
    (folder / "tones.toml").write_text(cascades.FILE, encoding="utf-8")
    return folder


def asked(place: Path, *words: str) -> Any:
    return earshot(*words, "--results", str(place / "results"), home=place)


def test_a_cascade_is_held_against_its_budget(place: Path) -> None:
    done = asked(place, "cascade", "run", str(place / "tones.toml"), "--seconds", "4.2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["cascade"]
    rows = {(row["kind"], row["stage"]): row for row in told["rows"] if row["kind"] in ("stage", "sum")}
    assert rows["stage", "vad"]["n"] == 132
    assert (told["utterances"], told["answered"], told["unspoken"]) == (3, 3, 0)
    # Nothing is that fast: each utterance is over the budget, and three are too few for a median.
    reply = rows["stage", "lm"]
    assert (reply["over"], reply["n"], reply["percentiles"][0]["value"]) == (3, 3, None)
    assert rows["sum", "all stages"]["budget_ms"] == 1000.0001
    # Six words are spoken, and each is in a partial result.
    assert (told["partial"]["heard"], told["partial"]["missed"], told["partial"]["false_events"]) == (6, 0, 0)
    assert [stage["runtime"] for stage in told["stages"]] == ["onnxruntime"] * 3
    assert told["stages"][0]["libraries_mb"] > 5, "onnxruntime is some 20 MB"
    assert told["stages"][1]["libraries"] == 0, "the first stage brought it"
    page = (place / "results" / "cascade-tones.html").read_text(encoding="utf-8")
    assert "every utterance from its last word to its answer" in page
    with Ledger.open(place / "results" / "ledger.db", create=False) as ledger:
        session = ledger.session(told["sessions"][0])
        assert session is not None
        assert session.planned.cascade is not None
        assert [stage.budget_ms for stage in session.planned.cascade.stages] == [500.0, 500.0, 0.0001]
        assert len(session.arrays[at.UTTERANCES]) == 3
        texts = [heard["text"] for heard in session.result.decoded]
        assert texts == ["low high", "high", "high low high"]
        assert ledger.study(session.planned.study_id).status == "finished"  # type: ignore[union-attr]


def test_it_is_shown_again_from_the_ledger(place: Path) -> None:
    """The run before this one, on the terminal."""
    done = asked(place, "cascade", "show")
    assert done.returncode == 0, done.stderr
    assert "= all stages" in done.stdout
    assert "-: not estimable: p50 needs 11 values; p95 needs 130 values; p99 needs 662 values" in done.stdout
    missing = asked(place, "cascade", "show", "none")
    assert (missing.returncode, "no cascade none" in missing.stderr) == (2, True)


def test_two_cascades_take_turns(place: Path) -> None:
    whole = cascades.FILE.replace('name = "tones"\naudio', 'name = "at the end"\naudio').replace('"speech"', '"final"')
    (place / "whole.toml").write_text(whole, encoding="utf-8")
    files = (str(place / "tones.toml"), str(place / "whole.toml"))
    done = asked(place, "cascade", "compare", *files, "--seconds", "1.4", "--runs", "2")
    assert done.returncode == 0, done.stderr
    assert "at the end" in done.stdout
    assert "utterance over -> last token" in done.stdout
    assert "2 pairs" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('model = "energy"', 'model = "tones"', "stage vad: tones does not say where speech is"),
        ('model = "tones"', 'model = "energy"', "stage asr: energy makes no text of audio"),
        ('model = "counting"', 'model = "tones"', "stage lm: tones takes pcm, and the last stage gets text"),
        ('model = "counting"', 'model = "caunting"', "no model 'caunting'"),
        ("budget_ms = 0.0001", 'provider = "Tensor"', "execution provider Tensor cannot be used on local"),
    ],
)
def test_what_makes_no_cascade_is_refused_with_the_next_step(
    place: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str
) -> None:
    monkeypatch.setenv("HOME", str(place))
    (place / "wrong.toml").write_text(cascades.FILE.replace(old, new), encoding="utf-8")
    settings = CascadeSettings((read_cascade(place / "wrong.toml"),), results=place / "results", seconds=1.0)
    with pytest.raises(BadInput) as caught:
        run_cascades(settings, Silent())
    assert said in caught.value.message
    assert caught.value.hint
