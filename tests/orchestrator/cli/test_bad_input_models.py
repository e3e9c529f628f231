"""Model files that are none, and graphs that cannot be streamed, from the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.agents.device import leaky_graph, samples, wav_bytes
from tests.orchestrator.cli import bad_graphs
from tests.orchestrator.cli.command import BAD_INPUT, DEVICE, EXPORT, assert_refused, assert_sound, earshot, rows
from tests.orchestrator.workflows.mini import add_mini

GOOD = leaky_graph()
AGAIN = "export the model again"
FOLDER = object()

# name -> content (None: no file), what the message says, what it says to do next.
NO_MODEL: dict[str, tuple[object, str, str]] = {
    "missing": (None, "no model file", "check the path"),
    "truncated": (GOOD[:200], "is no ONNX file, or is cut short (200 bytes)", AGAIN),
    "text": (b"this is no model", "is no ONNX file", AGAIN),
    "no-bytes": (b"", "is no ONNX file", AGAIN),
    "folder": (FOLDER, "is a directory, not an ONNX file", "name the .onnx file inside it"),
}
NO_STREAM: dict[str, tuple[object, str, str]] = {
    "no-state": (bad_graphs.without_state(), "has no state pair: inputs x float32", "--state INPUT=OUTPUT"),
    "unequal": (bad_graphs.unequal_pair(), "state h_in float32 (1, 8) does not fit its output h_out", "fixed size"),
    "growing": (bad_graphs.growing_state(), "state h_in of growing.onnx goes in as float32 (1, 1)", "fixed size"),
    "nan": (leaky_graph(nan_below=1e9), "output y of nan.onnx holds NaN or infinity in chunk 0", "check its weights"),
    "nan-later": (bad_graphs.worn_out(50), "holds NaN or infinity in chunk 50 of ordinary audio", "check its weights"),
}


def put(folder: Path, name: str, content: object) -> Path:
    path = folder / f"{name}.onnx"
    if content is FOLDER:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [*NO_MODEL, *NO_STREAM])
def test_an_import_that_is_refused_leaves_nothing(name: str, tmp_path: Path, home: Path) -> None:
    content, message, then = {**NO_MODEL, **NO_STREAM}[name]
    path, folder = put(tmp_path, name, content), tmp_path / "results"
    done = earshot("models", "import", str(path), *bad_graphs.ANSWERS, "--results", str(folder), home=home)
    assert_refused(done, BAD_INPUT, message, path.name, then=then)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["missing", "truncated", "no-contract"])
def test_a_file_that_cannot_be_run(name: str, tmp_path: Path, home: Path) -> None:
    no_contract = (GOOD, "has no contract.json beside it", "earshot models import")
    content, message, then = {**NO_MODEL, "no-contract": no_contract}[name]
    path, folder = put(tmp_path, name, content), tmp_path / "results"
    done = earshot("run", str(path), "--results", str(folder), home=home)
    assert_refused(done, BAD_INPUT, message, str(path), then=then)
    assert not folder.exists()


def test_what_is_ambiguous_is_asked_for(tmp_path: Path, home: Path) -> None:
    path = put(tmp_path, "good", GOOD)
    done = earshot("models", "import", str(path), "--chunk-samples", "160", "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, "good.onnx leaves 1 questions open", then="--sample-rate HZ")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--state", "state_in"), "--state takes NAME=VALUE, got 'state_in'"),
        (("--input", "audio"), "--input audio: the graph has x, state_in"),
        (("--name", "../up"), "model name must match"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_answers_that_do_not_fit(flags: tuple[str, ...], message: str, tmp_path: Path, home: Path) -> None:
    path = put(tmp_path, "good", GOOD)
    answers = (*bad_graphs.ANSWERS, *flags, "--results", str(tmp_path))
    done = earshot("models", "import", str(path), *answers, home=home)
    assert_refused(done, BAD_INPUT, message, then="--name" if "--name" in flags else "")
    assert_sound(tmp_path)
    assert not list((tmp_path / "models").glob("*"))


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: (m / "model.onnx").write_bytes((m / "model.onnx").read_bytes()[:5000]), "is cut short (5000 bytes)"),
        (lambda m: (m / "contract.json").write_text("{}"), "contract.json is no stream contract"),
        (lambda m: (m / "contract.json").unlink(), "cannot read the contract"),
    ],
    ids=["graph", "contract", "no contract"],
)
def test_a_model_damaged_in_the_library(damage: Damage, message: str, tmp_path: Path, home: Path) -> None:
    damage(add_mini(tmp_path))
    done = earshot("run", "mini", "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, message, str(tmp_path / "models" / "mini"), then="again")
    assert not (tmp_path / "artifacts").exists()


def imported(name: str, content: bytes, results: Path, home: Path, scratch: Path) -> None:
    path = put(scratch, name, content)
    done = earshot("models", "import", str(path), *bad_graphs.ANSWERS, "--results", str(results), home=home)
    assert done.returncode == 0, done.stderr


def test_nan_that_only_the_parity_check_meets(results: Path, home: Path, tmp_path: Path) -> None:
    imported("worn-out", bad_graphs.worn_out(300), results, home, tmp_path)
    done = earshot("models", "export", "worn-out", "--recipe", "onnx:fp32", "--results", str(results), home=home)
    assert_refused(done, EXPORT, "fp32 default of worn-out", "not finite in chunk 300", then="model.onnx")
    assert_sound(results)
    assert "worn-out" not in {
        json.loads(p.read_text())["model"] for p in (results / "artifacts").glob("*/contract.json")
    }
    shutil.rmtree(results / "models" / "worn-out")


def test_nan_that_only_a_session_meets(results: Path, home: Path, tmp_path: Path) -> None:
    """The output is NaN once the audio has been far below zero for a while, as no speech is."""
    imported("dips", leaky_graph(nan_below=-0.5), results, home, tmp_path)
    audio = tmp_path / "a.wav"
    wav_bytes(audio, np.concatenate([samples(1.0, 3000), np.full(8000, -30000, np.int16)]))
    stream = ("--audio", str(audio), "--mode", "flat-out", "--seconds", "1.5")
    done = earshot("run", "dips", *stream, "--results", str(results), home=home)
    assert_refused(done, DEVICE, "failed on local: y holds NaN or infinity at chunk 1", then=str(results / "ledger.db"))
    assert_sound(results)
    kept = rows(results, "select outcome, failure, attempt from sessions where model = 'dips' order by attempt")
    assert kept == [("failed", "non-finite-output", 0), ("failed", "non-finite-output", 1)]
    assert not rows(results, "select 1 from session_arrays join sessions using (session_id) where model = 'dips'")
    shutil.rmtree(results / "models" / "dips")
