"""Sessions that cannot be: a chunk longer than its audio, a deadline that no chunk meets, audio of two kinds."""

import math
import wave
from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.workflows.settings import deadline_ns
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, earshot


def audio(path: Path, samples: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * samples))
    return path


def test_audio_shorter_than_a_chunk_is_refused_before_anything_is_measured(home: Path, results: Path) -> None:
    short = audio(results.parent / "short.wav", 80)
    done = earshot("run", "mini", "--audio", str(short), "--results", str(results), home=home)
    assert_refused(done, BAD_INPUT, f"a chunk of 20 ms is longer than {short}, which lasts 5 ms", then="longer audio")
    assert "paced" not in done.stderr


@pytest.mark.parametrize("verb", [("run", "mini"), ("tune", "mini"), ("compare", "mini", "onnx:fp32", "onnx:fp16")])
def test_every_verb_that_measures_refuses_a_deadline_of_zero(verb: tuple[str, ...], home: Path, results: Path) -> None:
    done = earshot(*verb, "--deadline-ms", "0", "--results", str(results), home=home)
    assert_refused(done, BAD_INPUT, "the deadline must be > 0 ms and finite, got 0", then="leave --deadline-ms out")


@pytest.mark.parametrize("deadline_ms", [0.0, -5.0, math.nan, math.inf, 1e-9])
def test_a_deadline_that_no_chunk_meets(deadline_ms: float) -> None:
    with pytest.raises(BadInput, match="the deadline must be > 0 ms and finite, got"):
        deadline_ns(deadline_ms)
    assert (deadline_ns(None), deadline_ns(7.5)) == (None, 7_500_000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--mode", "flat-out", "--deadline-ms", "5"),
            "nothing arrives in mode flat-out, so that no chunk has a deadline",
        ),
        (("--split", "track", "--audio", "x.wav"), "--split track is of the evaluation set, --audio is your own"),
        (("--split", "track"), "the evaluation set has no utterance of split track, it has test, calibration"),
    ],
)
def test_what_does_not_go_together(words: tuple[str, ...], said: str, home: Path, results: Path) -> None:
    assert_refused(earshot("run", "mini", *words, "--results", str(results), home=home), BAD_INPUT, said, then="--help")
