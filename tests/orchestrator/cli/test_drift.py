"""``earshot drift`` as a person types it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.strict_json import to_json
from orchestrator.errors import NotAStream
from orchestrator.ledger.ledger import Ledger
from orchestrator.make.export.stored import open_for
from orchestrator.workflows.drift_shown import drift_shown
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, assert_sound, earshot
from tests.promises import drifting

SHORT = ("--minutes", "0.2", "--lengths", "1,4")


def test_a_model_by_its_recipe_then_by_hash_and_by_file(home: Path, results: Path) -> None:
    done = earshot("drift", "mini", *SHORT, "--results", str(results), "--json", home=home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    report = found["report"]
    assert report["verdict"] == "bounded"
    assert {t["way"] for t in report["tensors"]} >= {"teacher-forced", "free-running"}
    assert [score["utterances"] for score in report["lengths"]] == [1, 4]
    series = results / report["series"]
    assert hashlib.sha256(series.read_bytes()).hexdigest() == series.stem
    with np.load(series) as arrays:
        chunks, tensors, _ = arrays["error-free-running"].shape
        assert chunks == round(report["seconds"] / report["chunk_s"])
        assert arrays["error-free-running"][:, 0, 0].max() == report["tensors"][tensors]["max_abs"]
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        kept = drift_shown(ledger, report["artifact_sha256"])
    assert kept is not None
    assert to_json(kept.report) == report
    assert kept.max_abs["free-running"].shape == (chunks, tensors)
    page = Path(found["page"])
    assert page.name == "drift-mini-onnx-int8-dynamic.html"
    assert report["sentence"] in page.read_text()
    for named in (report["artifact_sha256"][:12], str(next(results.glob(f"artifacts/{report['artifact_sha256']}/m*")))):
        again = earshot("drift", named, *SHORT, "--results", str(results), "--json", home=home)
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["report"]["tensors"] == report["tensors"]
    assert_sound(results)


def test_the_table_names_verdict_and_page(home: Path, results: Path) -> None:
    done = earshot("drift", "mini", *SHORT, "--recipe", "onnx:fp32", "--results", str(results), home=home)
    assert done.returncode == 0, done.stderr
    assert "Bounded: over 0.2 min" in done.stdout
    assert "all are equal to it" in done.stdout
    assert "drift-mini-onnx-fp32.html" in done.stdout


@pytest.mark.parametrize(
    ("words", "said", "then"),
    [
        (("mini", "--minutes", "0"), "minutes must be > 0 and finite, got 0", "earshot drift --help"),
        (("mini", "--minutes", "-3"), "minutes must be > 0", "earshot drift --help"),
        (("mini", "--minutes", "nan"), "minutes must be > 0", "earshot drift --help"),
        (("mini", "--minutes", "0.001"), "0.001 minutes are 3 chunks", "--minutes"),
        (("mini", "--tolerance", "0"), "tolerance must be > 0", "earshot drift --help"),
        (("mini", "--lengths", "1,x"), "--lengths must be whole numbers", "1,2,4,8"),
        (("mini", "--lengths", "0"), "lengths must be > 0", "earshot drift --help"),
        (("mini", "--against", "kws"), "mini is a model", "earshot drift mini"),
        (("minni",), "no model 'minni'", "mini"),
        (("0123456789ab",), "no artifact of", "earshot models export"),
        (("gone.ort",), "there is no artifact gone.ort", "SHA-256"),
    ],
)
def test_what_cannot_be_asked(home: Path, results: Path, words: tuple[str, ...], said: str, then: str) -> None:
    done = earshot("drift", *words, "--results", str(results), home=home)
    assert_refused(done, BAD_INPUT, said, then=then)
    assert_sound(results)


def test_no_audio(home: Path, tmp_path: Path) -> None:
    model = drifting.put(tmp_path / "source", drifting.graph(0.5))
    done = earshot("drift", str(model), "--results", str(tmp_path / "results"), "--recipe", "onnx:fp32", home=home)
    assert_refused(done, BAD_INPUT, "has no evaluation set to stream", then="--audio FILE.wav")


def test_an_artifact_of_another_contract(home: Path, tmp_path: Path) -> None:
    source = drifting.put(tmp_path / "source", drifting.graph(0.5))
    other = replace(drifting.CONTRACT, sample_rate_hz=8000)
    artifact = drifting.put(tmp_path / "artifact", drifting.graph(0.5), other)
    results = ("--results", str(tmp_path / "results"))
    done = earshot("drift", str(artifact), "--against", str(source), *results, home=home)
    assert_refused(done, BAD_INPUT, "another contract than drifting: sample_rate_hz differ", then="--against MODEL")


def test_a_graph_without_state(home: Path, tmp_path: Path) -> None:
    source = drifting.put(tmp_path / "source", drifting.graph(0.5))
    artifact = drifting.put(tmp_path / "artifact", drifting.stateless())
    sound = drifting.audio(tmp_path / "a.wav", 1.0, 0.0, 1)
    results = ("--results", str(tmp_path / "results"))
    done = earshot("drift", str(artifact), "--against", str(source), "--audio", str(sound), *results, home=home)
    assert_refused(done, BAD_INPUT, "model.onnx has no state: nothing can drift", then="earshot models import")
    with pytest.raises(NotAStream):
        open_for(artifact, drifting.CONTRACT, "model.onnx")
