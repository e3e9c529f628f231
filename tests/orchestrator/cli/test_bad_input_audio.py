"""Audio that cannot be streamed, from the command line: nothing is mixed down, resampled or guessed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.agents.device import samples, wav_bytes
from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, assert_sound, earshot
from tests.orchestrator.workflows.mini import add_mini, manifest_lines

CONVERT = "ffmpeg -i "
Make = Callable[[Path], object]

# name -> how it is made, what the message says, what it says to do next.
AUDIO: dict[str, tuple[Make, str, str]] = {
    "stereo": (lambda p: wav_bytes(p, samples(), channels=2), "audio must be mono, got 2 channels in", CONVERT),
    "8-bit": (lambda p: wav_bytes(p, samples().astype(np.uint8).astype(np.int16), width=1), "got 8 (PCM_U8)", CONVERT),
    "wrong rate": (lambda p: wav_bytes(p, samples(), rate=8000), "must be at 16000 Hz, got 8000 Hz in", CONVERT),
    "no samples": (lambda p: wav_bytes(p, samples(0)), "is empty: it holds no samples", "record it again"),
    "no bytes": (lambda p: p.write_bytes(b""), "cannot be read as audio", CONVERT),
    "no audio": (lambda p: p.write_bytes(b"# a text about audio\n" * 99), "cannot be read as audio", CONVERT),
    "missing": (lambda p: None, "there is no audio file", "check the path"),
    "a folder": (lambda p: p.mkdir(), "is not a file", "give an audio file"),
}


@pytest.mark.parametrize("name", AUDIO)
def test_audio_that_cannot_be_streamed(name: str, results: Path, home: Path, tmp_path: Path) -> None:
    make, message, then = AUDIO[name]
    path = tmp_path / "my voice.wav"
    make(path)
    done = earshot("run", "mini", "--audio", str(path), "--results", str(results), home=home)
    assert_refused(done, BAD_INPUT, message, str(path), then=then)
    if then == CONVERT:
        assert f"'{path}'" in done.stderr, "the command can be pasted into a shell"
    assert_sound(results)


@pytest.mark.parametrize(
    ("change", "message", "then"),
    [
        ({"audio_filepath": "gone.flac"}, "there is no audio file", "a line is like"),
        ({"split": "train"}, "split must be one of test, calibration, track, got 'train'", "a line is like"),
        ({"offset": 1e6}, "line 3", "a line is like"),
    ],
    ids=["missing audio", "unknown split", "beyond its end"],
)
def test_a_manifest_with_a_bad_line(
    change: dict[str, object], message: str, then: str, tmp_path: Path, home: Path
) -> None:
    manifest = add_mini(tmp_path) / "manifest.jsonl"
    lines = manifest_lines()
    lines[2] |= change
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = earshot("tune", "mini", "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, str(manifest), "has 1 problem", "line 3: ", message, then=then)
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize(
    ("verb", "message", "then"),
    [
        (
            "tune",
            "mini has no evaluation set, so no candidate can be held to its quality",
            "models/mini/manifest.jsonl",
        ),
        ("run", "mini has no evaluation set to stream", "--audio FILE.wav"),
    ],
)
def test_a_model_without_evaluation_set(verb: str, message: str, then: str, tmp_path: Path, home: Path) -> None:
    (add_mini(tmp_path) / "manifest.jsonl").unlink()
    done = earshot(verb, "mini", "--results", str(tmp_path), home=home)
    assert_refused(done, BAD_INPUT, message, then=then)
    assert_sound(tmp_path)
