"""The committed reference models: contract, graph, audio and figures belong together. Needs no torch.

Figures are measured here as an agent would: chunk by chunk through features, graph and decoder, on the committed audio.
"""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest

from agents.features import LogMel
from orchestrator.errors import BadInput
from orchestrator.make.models import reference
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.library import find_model
from orchestrator.make.models.reference import score
from orchestrator.make.models.reference.score import Item, Streamer

NAMES = list(reference.WITH_GRAPHS)
SIZE_LIMIT_BYTES = 6_000_000
CHUNK_TOLERANCE = 1e-4


@cache
def streamer(name: str) -> Streamer:
    return Streamer(reference.onnx_path(name), reference.load_contract(name))


@cache
def clips(name: str, split: str) -> list[Item]:
    return score.items(reference.manifest_path(name), split)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_names_the_graph_s_tensors_and_shapes(name: str) -> None:
    contract = reference.load_contract(name)
    model = onnx.load(reference.onnx_path(name))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(reference.onnx_path(name), providers=["CPUExecutionProvider"])
    inputs = {i.name: i.shape for i in session.get_inputs()}
    outputs = {o.name: o.shape for o in session.get_outputs()}
    assert contract.model == name
    assert set(inputs) == {contract.input.name, *(s.input for s in contract.states)}
    assert set(outputs) == {*(o.name for o in contract.outputs), *(s.output for s in contract.states)}
    for state in contract.states:
        assert tuple(inputs[state.input]) == tuple(outputs[state.output]) == state.shape
    free = inputs[contract.input.name].pop(contract.time_axis)
    assert isinstance(free, str), f"the time axis must be free, got {free}"
    assert inputs[contract.input.name] == [1, contract.frontend.mel_count]
    assert contract.outputs[0].shape[-1] == len(contract.decoder.labels)


@pytest.mark.parametrize("name", NAMES)
def test_every_chunk_size_gives_the_whole_sequence(name: str) -> None:
    contract = reference.load_contract(name)
    samples = clips(name, "test")[0].samples
    samples = samples[: len(samples) // 1280 * 1280]
    frames = LogMel(contract.frontend, contract.sample_rate_hz).extract(samples)[None]
    session = onnxruntime.InferenceSession(reference.onnx_path(name), providers=["CPUExecutionProvider"])
    state = {s.input: np.full(s.shape, s.initial, np.float32) for s in contract.states}
    whole = session.run([contract.outputs[0].name], {contract.input.name: frames, **state})[0]
    for chunk_samples in contract.allowed_chunk_samples:
        chunks = list(streamer(name).outputs(samples, chunk_samples))
        if chunk_samples == contract.chunk_samples:
            assert chunks[0].shape == contract.outputs[0].shape
        assert np.abs(np.concatenate(chunks, axis=1) - whole).max() < CHUNK_TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_no_test_speaker_occurs_in_training_or_calibration(name: str) -> None:
    from orchestrator.make.models.reference import speech

    test, calibration = ({c.row["speaker"] for c in clips(name, s)} - {"nobody"} for s in ("test", "calibration"))
    assert len(test) >= 10
    assert not test & (calibration | set(speech.TRAIN_SPEAKERS))
    assert calibration <= set(speech.TRAIN_SPEAKERS)
    accents = {c.row["accent"] for c in clips(name, "calibration")} - {"none"}
    assert accents <= set(speech.TRAIN_ACCENTS)
    assert not set(speech.TRAIN_ACCENTS) & set(speech.HELD_OUT_ACCENTS)


@pytest.mark.parametrize("name", NAMES)
def test_clips_lie_on_the_20_ms_grid_inside_the_audio(name: str) -> None:
    rows = [json.loads(line) for line in reference.manifest_path(name).read_text().splitlines()]
    found = [c for s in ("test", "calibration", "track") for c in clips(name, s)]
    assert len(found) == len(rows)
    for clip in found:
        assert len(clip.samples) == round(clip.row["duration"] * 16_000)
        assert len(clip.samples) % 320 == 0


def test_the_keyword_test_set_is_balanced() -> None:
    labels = reference.load_contract("kws").decoder.labels
    counts = {label: sum(c.row["text"] == label for c in clips("kws", "test")) for label in labels}
    assert min(counts.values()) >= 30
    assert len(set(counts.values())) == 1
    (track,) = clips("kws", "track")
    assert all(0 <= e["start_s"] < e["end_s"] <= track.row["duration"] for e in track.row["events"])
    assert len(track.row["events"]) >= 80


def test_committed_weights_and_audio_stay_small() -> None:
    folders = [reference.REFERENCE_MODELS[name] for name in reference.WITH_GRAPHS]
    for files in (("weights.safetensors", "model.onnx"), ("eval.opus",)):
        assert sum((folder / f).stat().st_size for folder in folders for f in files) < SIZE_LIMIT_BYTES


def test_keyword_accuracy_on_unseen_voices() -> None:
    result, _ = score.accuracy(streamer("kws"), clips("kws", "test")[::2])
    assert result.rate >= 0.95


def test_keywords_are_found_in_running_speech() -> None:
    found = score.false_rejects(streamer("kws"), clips("kws", "track"), false_accepts_per_hour=30.0)
    assert found.rate <= 0.10
    assert found.false_accepts_per_hour <= 30.0


def test_digit_word_errors_on_unseen_voices() -> None:
    result, _ = score.wer(streamer("digits-lstm"), clips("digits-lstm", "test")[::2])
    assert result.rate <= 0.10


def test_a_decoder_result_does_not_depend_on_the_chunk_size() -> None:
    clip = clips("digits-lstm", "calibration")[0].samples
    heard = {
        size: streamer("digits-lstm").decode(clip[: len(clip) // 1280 * 1280], size)["text"] for size in (320, 1280)
    }
    assert heard[320] == heard[1280]


def test_reference_models_are_found_without_torch() -> None:
    code = (
        "import sys; from orchestrator.make.models import reference;"
        "reference.load_contract('kws'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="known are kws, digits-lstm"):
        reference.onnx_path("kwz")


def test_a_reference_model_has_its_weights_inside(tmp_path):
    # Its file's own hash is the model's then, and the library need not read the graph for it.
    for name in reference.WITH_GRAPHS:
        assert find_model(name, tmp_path).sha256 == model_sha256(reference.onnx_path(name))
