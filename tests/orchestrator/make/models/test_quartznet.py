"""What is committed of digits-quartznet, looked at without torch."""

import json
from pathlib import Path

import pytest

from orchestrator.make.models import reference
from orchestrator.make.models.reference_source import reference_source
from orchestrator.make.quality.manifest import read_manifest

NAME = "digits-quartznet"


def header(path: Path) -> dict[str, dict[str, object]]:
    """A safetensors file begins with the length of a JSON object in 8 bytes, and that object."""
    data = path.read_bytes()
    found: dict[str, dict[str, object]] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return found


def test_its_task_is_that_of_the_lstm() -> None:
    own, lstm = reference.load_contract(NAME), reference.load_contract("digits-lstm")
    same = ("sample_rate_hz", "chunk_samples", "allowed_chunk_samples", "frontend", "input", "outputs", "decoder")
    assert all(getattr(own, name) == getattr(lstm, name) for name in same)


def test_its_states_are_caches_of_past_frames() -> None:
    shapes = [s.shape for s in reference.load_contract(NAME).states]
    assert shapes == [(1, 40, 4, 1), *((1, 128, left, 1) for left in (8, 8, 10, 10, 12, 12, 14, 14, 16, 16))]


def test_its_evaluation_set_is_that_of_the_lstm_by_another_way_to_the_audio() -> None:
    rows, others = (
        [json.loads(line) for line in reference.manifest_path(name).read_text().splitlines()]
        for name in (NAME, "digits-lstm")
    )
    assert len(rows) == len(others) == 160
    for row, other in zip(rows, others, strict=True):
        assert (reference.manifest_path(NAME).parent / row.pop("audio_filepath")).is_file()
        other.pop("audio_filepath")
        assert row == other
    assert read_manifest(reference.manifest_path(NAME))


def test_its_weights_are_small_and_rounded() -> None:
    path = reference.weights_path(NAME)
    tensors = {name: t for name, t in header(path).items() if name != "__metadata__"}
    assert path.stat().st_size < 500_000
    assert {t["dtype"] for t in tensors.values()} == {"F16", "I64"}


def test_its_graphs_are_made_from_the_module() -> None:
    source = reference_source(NAME)
    assert source.onnx_path is None
    assert source.tflite_path is None
    assert source.module is not None
    assert source.metric == "wer"


@pytest.mark.parametrize("file", ["model.onnx", "model.tflite"])
def test_no_graph_is_committed(file: str) -> None:
    assert not (reference.REFERENCE_MODELS[NAME] / file).exists()
