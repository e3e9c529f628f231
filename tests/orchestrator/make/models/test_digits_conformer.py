"""The digit transducer's committed files belong together. Needs no torch: weights are read by their header."""

import json
from pathlib import Path
from typing import Any

from orchestrator.make.models import reference
from orchestrator.make.models.reference import score, speech

NAME = "digits-conformer"
FOLDER = reference.REFERENCE_MODELS[NAME]
CONTRACT = reference.load_contract(NAME)
WEIGHTS_LIMIT_BYTES = 3_200_000


def weights() -> dict[str, Any]:
    """Name -> dtype and shape: a safetensors file begins with their JSON, and that with its length in 8 bytes."""
    content = (FOLDER / "weights.safetensors").read_bytes()
    tensors: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    tensors.pop("__metadata__", None)
    return tensors


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_weights_are_small_and_rounded_to_float16() -> None:
    assert {t["dtype"] for t in weights().values()} == {"F16"}
    assert (FOLDER / "weights.safetensors").stat().st_size < WEIGHTS_LIMIT_BYTES


def test_no_graph_and_no_second_copy_of_the_audio_is_committed() -> None:
    assert not [p for p in FOLDER.iterdir() if p.suffix in {".onnx", ".tflite", ".opus"}]
    ours, theirs = rows(reference.manifest_path(NAME)), rows(reference.manifest_path("digits-lstm"))
    assert [{**row, "audio_filepath": row["audio_filepath"].rpartition("/")[2]} for row in ours] == theirs
    (audio,) = {(FOLDER / row["audio_filepath"]).resolve() for row in ours}
    assert audio == reference.REFERENCE_MODELS["digits-lstm"] / "eval.opus"


def test_every_string_is_read_from_the_other_model_s_audio() -> None:
    clips = score.items(reference.manifest_path(NAME), "test")
    assert len(clips) == 120
    assert all(len(clip.samples) == round(clip.row["duration"] * 16_000) for clip in clips)
    assert not {clip.row["speaker"] for clip in clips} & set(speech.TRAIN_SPEAKERS)


def test_the_contract_is_that_of_the_weights() -> None:
    shape = {name: tuple(t["shape"]) for name, t in weights().items()}
    search = CONTRACT.search
    assert search is not None
    labels, frame = len(CONTRACT.decoder.labels), search.frame.shape[1]
    assert shape["step.embedding.weight"][0] == labels
    assert shape["step.logits.weight"] == (labels, frame)
    assert shape["encoder.conformer.out.weight"][0] == frame
    assert shape["encoder.mean"] == (CONTRACT.frontend.mel_count,)
    hidden = {state.shape for state in search.states}
    assert hidden == {(1, shape["step.prediction.weight"][1])}
    past, *of_blocks = (state.shape for state in CONTRACT.states)
    stack, d = past[1], of_blocks[1][2]
    assert shape["encoder.conformer.first.weight"][1] == 2 * stack * CONTRACT.frontend.mel_count
    assert CONTRACT.input.shape[1] // stack == CONTRACT.outputs[0].shape[1]
    blocks = {name.split(".")[3] for name in shape if name.startswith("encoder.conformer.blocks.")}
    assert len(of_blocks) == 2 * len(blocks)
    left = shape["encoder.conformer.bias.by_age"][1] - 1
    kernel = shape["encoder.conformer.blocks.0.convolution.depthwise.weight"][2]
    assert set(of_blocks) == {(1, left, 2 * d), (1, kernel - 1, d)}


def test_every_allowed_chunk_is_a_whole_number_of_encoder_frames() -> None:
    assert CONTRACT.lookahead_samples == 0
    stack = CONTRACT.states[0].shape[1]
    assert all(size % (stack * CONTRACT.frontend.hop_samples) == 0 for size in CONTRACT.allowed_chunk_samples)
    assert CONTRACT.frame_samples() == stack * CONTRACT.frontend.hop_samples
