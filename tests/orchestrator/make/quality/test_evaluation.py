"""Manifests and their recordings become one piece of PCM; every line with a problem is told."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import wire
from orchestrator.errors import BadAudio
from orchestrator.make.models import reference
from orchestrator.make.quality.audio import write_wav
from orchestrator.make.quality.evaluation import EvaluationSet, load_evaluation
from orchestrator.make.quality.metrics import Spoken

RATE = 16000


def recording(folder: Path, name: str, count: int, seed: int = 0) -> "np.ndarray[Any, np.dtype[np.int16]]":
    samples = np.random.default_rng(seed).integers(-30000, 30000, count).astype(np.int16)
    write_wav(folder / name, samples, RATE)
    return samples


def manifest(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def problems(path: Path) -> str:
    with pytest.raises(BadAudio) as caught:
        load_evaluation(path, RATE)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_per_line(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    a, b = recording(tmp_path, "clips/a.wav", 900, 1), recording(tmp_path, "b.wav", 500, 2)
    found = load_evaluation(
        manifest(
            tmp_path,
            {"audio_filepath": "clips/a.wav", "duration": 900 / RATE, "text": "go", "lang": "en", "speaker": "f1"},
            "",
            {"audio_filepath": str(tmp_path / "b.wav"), "text": "stop", "split": "calibration"},
        ),
        RATE,
    )
    first, second = found.utterances
    assert (first.text, first.speaker, first.split) == ("go", "f1", "test")
    assert (second.text, second.speaker, second.split) == ("stop", None, "calibration")
    assert np.array_equal(found.samples(first), a)
    assert np.array_equal(found.samples(second), b)
    assert found.utterances_of("calibration") == (second,)
    assert found.duration_s("test") == 900 / RATE


def test_pieces_of_one_recording_and_a_track(tmp_path: Path) -> None:
    samples = recording(tmp_path, "eval.wav", 4 * RATE)
    events = [{"label": "go", "start_s": 0.5, "end_s": 1.0}]
    words = [{"label": "b", "start_s": 0.1, "end_s": 0.2}]
    found = load_evaluation(
        manifest(
            tmp_path,
            {"audio_filepath": "eval.wav", "offset": 1.0, "duration": 0.5, "text": "a"},
            {"audio_filepath": "eval.wav", "offset": 2.0, "split": "track", "events": events},
            {"audio_filepath": "eval.wav", "offset": 0.0, "duration": 0.25, "text": "b", "events": words},
        ),
        RATE,
    )
    assert np.array_equal(found.pcm("test"), np.concatenate([samples[16000:24000], samples[:4000]]))
    assert found.spans("test") == (wire.Span(0, 8000), wire.Span(8000, 4000))
    assert np.array_equal(found.pcm("track"), samples[32000:])
    assert found.utterances_of("track")[0].events == (Spoken("go", 0.5, 1.0),)
    assert [u.events for u in found.utterances_of("test")] == [(), (Spoken("b", 0.1, 0.2),)]
    assert [u.id for u in found.utterances] == ["eval.wav@1+0.5", "eval.wav@2", "eval.wav@0+0.25"]


def test_what_is_pushed_is_the_split_with_its_spans(tmp_path: Path) -> None:
    recording(tmp_path, "a.wav", 700, 1)
    recording(tmp_path, "b.wav", 300, 2)
    path = manifest(tmp_path, {"audio_filepath": "a.wav"}, {"audio_filepath": "b.wav"})
    found = load_evaluation(path, RATE)
    wav, blob, spans = found.wav("test", tmp_path)
    with wave.open(str(wav)) as file:
        pushed = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert np.array_equal(pushed, found.pcm("test"))
    assert blob.size_bytes == wav.stat().st_size
    for span, utterance in zip(spans, found.utterances, strict=True):
        assert np.array_equal(pushed[span.start : span.start + span.count], found.samples(utterance))
    with pytest.raises(BadAudio, match="no utterance of split track, it has test"):
        found.wav("track", tmp_path)


def test_hash_covers_sounds_and_references(tmp_path: Path) -> None:
    recording(tmp_path, "a.wav", 700, 1)
    line = {"audio_filepath": "a.wav", "text": "go"}
    first = load_evaluation(manifest(tmp_path, line), RATE).sha256
    assert load_evaluation(manifest(tmp_path, line), RATE).sha256 == first
    assert load_evaluation(manifest(tmp_path, {**line, "text": "stop"}), RATE).sha256 != first
    recording(tmp_path, "a.wav", 700, 2)
    assert load_evaluation(manifest(tmp_path, line), RATE).sha256 != first


@given(st.lists(st.tuples(st.integers(0, 990), st.integers(1, 10)), min_size=1, max_size=8, unique_by=lambda p: p))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_any_cutting_gives_the_samples_it_names(tmp_path: Path, cuts: list[tuple[int, int]]) -> None:
    samples = recording(tmp_path, "a.wav", 1000)
    lines = [{"audio_filepath": "a.wav", "offset": s / RATE, "duration": n / RATE} for s, n in cuts]
    found = load_evaluation(manifest(tmp_path, *lines), RATE)
    for (start, count), utterance in zip(cuts, found.utterances, strict=True):
        assert np.array_equal(found.samples(utterance), samples[start : start + count])


def test_duration_rounded_up_ends_with_the_recording(tmp_path: Path) -> None:
    recording(tmp_path, "a.wav", 15987)
    (utterance,) = load_evaluation(manifest(tmp_path, {"audio_filepath": "a.wav", "duration": 1.0}), RATE).utterances
    assert utterance.span.count == 15987


GOOD = {"audio_filepath": "a.wav", "text": "go"}
TRACK = {"audio_filepath": "a.wav", "split": "track", "duration": 1.0}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{audio", "not JSON: "),
        ("[1]", "must be a JSON object, got [1]"),
        ({"text": "go"}, "lacks audio_filepath"),
        ({**GOOD, "audio_filepath": 3}, "audio_filepath must be text, got 3"),
        ({**GOOD, "ofset": 1}, "unknown key 'ofset', is 'offset' meant?"),
        ({**GOOD, "offset": -1}, "offset must be seconds >= 0, got -1"),
        ({**GOOD, "offset": "1"}, "offset must be seconds >= 0, got '1'"),
        ({**GOOD, "duration": float("nan")}, "duration must be seconds >= 0, got nan"),
        ({**GOOD, "duration": True}, "duration must be seconds >= 0, got True"),
        ({**GOOD, "duration": 0}, "duration must be > 0 s"),
        ({**GOOD, "duration": 1e-6}, "holds no sample"),
        ({**GOOD, "duration": 9.5}, "it ends at 9.50 s, a.wav at 1.00 s"),
        ({**GOOD, "offset": 5}, "it ends at 5.00 s, a.wav at 1.00 s"),
        ({**GOOD, "text": ["go"]}, "text must be text, got ['go']"),
        ({**GOOD, "split": "dev"}, "split must be one of test, calibration, track, got 'dev'"),
        ({**TRACK, "events": {}}, "events must be a list"),
        ({**TRACK, "events": [{"label": "go"}]}, "an event has label, start_s, end_s"),
        ({**TRACK, "events": [{"label": "go", "start_s": 0.5, "end_s": 0.5}]}, "start_s < end_s"),
        ({**TRACK, "events": [{"label": "go", "start_s": 0.5, "end_s": 1.5}]}, "must end within 1.0 s"),
        ({**GOOD, "audio_filepath": "absent.wav"}, "there is no audio file"),
        ({**GOOD, "audio_filepath": "stereo.wav"}, "audio must be mono, got 2 channels"),
        (GOOD, "the same piece of a.wav as line 1"),
    ],
)
def test_line_with_a_problem_is_told_with_its_number(tmp_path: Path, line: dict[str, Any] | str, told: str) -> None:
    recording(tmp_path, "a.wav", RATE)
    soundfile.write(tmp_path / "stereo.wav", np.zeros((100, 2), dtype=np.int16), RATE)
    message = problems(manifest(tmp_path, GOOD, "", line))
    assert "has 1 problem:\n  line 3: " in message
    assert told in message


def test_all_lines_with_problems_are_told_in_order(tmp_path: Path) -> None:
    recording(tmp_path, "a.wav", RATE)
    absent = {"audio_filepath": "absent.wav"}
    message = problems(manifest(tmp_path, {**absent, "offset": 1}, GOOD, "?", {**absent, "offset": 2}, {"text": "x"}))
    assert "has 3 problems:" in message
    # One recording that is not there is one problem, however many lines name it.
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:]] == ["line 1", "line 3", "line 5"]


def test_manifest_that_is_none(tmp_path: Path) -> None:
    assert "there is no evaluation manifest" in problems(tmp_path / "absent.jsonl")
    assert "cannot be read" in problems(tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    assert "has no lines" in problems(tmp_path / "empty.jsonl")
    (tmp_path / "latin.jsonl").write_bytes('{"text": "für"}'.encode("latin-1"))
    assert "cannot be read" in problems(tmp_path / "latin.jsonl")


@pytest.fixture(scope="module", params=sorted(reference.REFERENCE_MODELS))
def reference_set(request: pytest.FixtureRequest) -> EvaluationSet:
    name: str = request.param
    return load_evaluation(reference.manifest_path(name), reference.load_contract(name).sample_rate_hz)


def test_reference_sets_load(reference_set: EvaluationSet) -> None:
    assert len(reference_set.utterances_of("test")) >= 100
    assert len(reference_set.utterances_of("calibration")) >= 20
    assert reference_set.utterances[-1].span.start + reference_set.utterances[-1].span.count == len(
        reference_set.samples_all
    )
    assert all(u.text for u in reference_set.utterances)
    assert all(reference_set.samples(u).any() for u in reference_set.utterances)
