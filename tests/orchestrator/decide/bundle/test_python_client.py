"""The Python client of a bundle, as it is shipped and with nothing of Earshot, hears what the agent hears."""

import subprocess
import sys
import wave
from pathlib import Path

import pytest

from orchestrator.make.models import reference
from orchestrator.make.quality.audio import write_wav
from tests.orchestrator.decide.bundle.bundles import bundle_of, heard_by_agent, speech_of, with_fallbacks
from tests.orchestrator.decide.bundle.cases import CASES, Case


def start(bundle: Path, audio: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """PYTHONPATH and the like are not there for it."""
    argv = [sys.executable, "-E", "-s", "-m", "earshot_stream", str(audio), *options]
    place = bundle / "clients" / "python"
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, cwd=place)


def run(case: Case) -> list[str]:
    done = start(case.bundle, case.audio, *(["--words", str(case.words)] if case.words else []))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def lines(case: Case) -> list[str]:
    """As the client should print the agent's events."""
    return [
        f"{time_s:8.2f} s  {e['label']}  {e['score']:.3f}"
        + "".join(f"  {w['word']} {w['score']:.3f}" for w in e.get("words", [])[1:])
        for time_s, e in zip(case.times_s, case.events, strict=True)
    ]


@pytest.mark.parametrize("name", CASES)
def test_it_hears_what_the_agent_hears(tmp_path: Path, name: str) -> None:
    case = CASES[name](tmp_path)
    said, wanted = run(case), lines(case)
    if name == "keyword":
        # The agent's score is the greatest while the label is not told again; the client tells at once.
        said, wanted = ([line.rsplit(maxsplit=1)[0] for line in told] for told in (said, wanted))
    assert said == wanted


@pytest.mark.parametrize("model", ["kws", "digits-lstm"])
def test_litert_hears_the_same(tmp_path: Path, model: str) -> None:
    samples = speech_of(model)
    write_wav(tmp_path / "speech.wav", samples, 16_000)
    bundle = bundle_of(model, tmp_path, reference.tflite_path(model), "litert:fp32", "litert")
    events = heard_by_agent(reference.load_contract(model), reference.onnx_path(model), samples)
    said = run(Case(bundle, tmp_path / "speech.wav", events, 0.01))
    assert [line.split()[2] for line in said] == [e["label"] for e in events]


def test_what_cannot_be_loaded_here_falls_back(tmp_path: Path) -> None:
    """ONNX Runtime's wheel has no XNNPACK; a device of another name takes the last of the chain."""
    bundle, _ = with_fallbacks(tmp_path)
    samples = speech_of("kws")
    write_wav(tmp_path / "speech.wav", samples, 16_000)
    events = heard_by_agent(reference.load_contract("kws"), reference.onnx_path("kws"), samples)
    own, other = start(bundle, tmp_path / "speech.wav"), start(bundle, tmp_path / "speech.wav", "--device", "Other")
    assert "onnx:fp32 Xnnpack 1t" in own.stderr
    assert "cannot be loaded, so the next one is" in own.stderr
    assert "cannot be loaded" not in other.stderr
    for done in (own, other):
        assert done.returncode == 0, done.stderr
        assert [line.split()[2] for line in done.stdout.splitlines()] == [e["label"] for e in events]


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
    (bundle / "contract.json").write_text((bundle / "contract.json").read_text() + " ")
    done = start(bundle, tmp_path / "any.wav")
    assert done.returncode != 0
    assert "is not the file that the manifest names" in done.stderr


def test_audio_of_another_form_is_refused(tmp_path: Path) -> None:
    bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
    done = start(bundle, tmp_path / "stereo.wav")
    assert (done.returncode, "must be mono, 16 bit, 16000 Hz" in done.stderr) == (1, True)


def test_words_of_a_user_need_a_model_that_ranks_words(tmp_path: Path) -> None:
    bundle = bundle_of("kws", tmp_path, reference.onnx_path("kws"))
    (tmp_path / "own.csv").write_text("word,count\nyes,1\n")
    done = start(bundle, tmp_path / "any.wav", "--words", str(tmp_path / "own.csv"))
    assert done.returncode != 0
    assert "a keyword decoder tells no words" in done.stderr
