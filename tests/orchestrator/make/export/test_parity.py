import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from orchestrator.errors import BadAudio, ExportFailed, ParityFailed
from orchestrator.make.export.parity import check_parity
from orchestrator.make.export.reference_output import join, reference_of
from orchestrator.make.models.source import ModelSource
from tests import graphs

AUDIO = [graphs.babble(1.0, 3), graphs.babble(0.5, 4)]


def scaled(source: ModelSource, name: str, factor: float, folder: Path) -> Path:
    """The source with one weight multiplied."""
    model = onnx.load(source.onnx_path)
    weight = next(i for i in model.graph.initializer if i.name == name)
    values = numpy_helper.to_array(weight) * np.float32(factor)
    weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))
    return graphs.save(model, folder / "changed.onnx")


@pytest.mark.parametrize("name", ["conv", "lstm"])
def test_chunks_equal_the_whole_recording(name: str, request: pytest.FixtureRequest) -> None:
    source: ModelSource = request.getfixturevalue(name)
    reference = reference_of(source.onnx_path, source.contract, AUDIO)
    assert reference.how == "the whole recording in one call"
    # 1 s and 0.5 s, cut to multiples of 1280 samples: 96 and 48 frames.
    assert [o[0].shape for o in reference.outputs] == [(1, 96, 4), (1, 48, 4)]
    parity = check_parity(reference, source.onnx_path, "fp32")
    assert parity.passed
    assert parity.max_abs <= 1e-5
    assert (parity.chunk_count, parity.chunk_samples, parity.max_abs_allowed) == (72, 320, 1e-4)


def test_a_small_error_fails_fp32_and_passes_int8(conv: ModelSource, tmp_path: Path) -> None:
    reference = reference_of(conv.onnx_path, conv.contract, AUDIO)
    wrong = scaled(conv, "head_w", 1.01, tmp_path)
    with pytest.raises(ParityFailed, match=r"max \|difference\| .* SNR .* over 72 chunks .* <= 0.0001 is required"):
        check_parity(reference, wrong, "fp32")
    assert check_parity(reference, wrong, "int8-qdq").passed


def test_garbage_fails_every_precision(conv: ModelSource, tmp_path: Path) -> None:
    reference = reference_of(conv.onnx_path, conv.contract, AUDIO)
    wrong = scaled(conv, "conv_0_w", -1.0, tmp_path)
    with pytest.raises(ParityFailed, match="SNR >= 8 dB is required"):
        check_parity(reference, wrong, "int8-dynamic")


def test_a_state_that_is_not_carried_is_noticed(conv: ModelSource, tmp_path: Path) -> None:
    """The artifact returns zeros as its next state: every chunk starts afresh."""
    model = onnx.load(conv.onnx_path)
    for node in list(model.graph.node):
        if node.output[0].endswith("_next"):
            kept = node.output[0]
            node.output[0] = f"{kept}_kept"
            model.graph.node.append(onnx.helper.make_node("Sub", [f"{kept}_kept"] * 2, [kept]))
    amnesiac = graphs.save(model, tmp_path / "amnesiac.onnx")
    reference = reference_of(conv.onnx_path, conv.contract, AUDIO)
    with pytest.raises(ParityFailed):
        check_parity(reference, amnesiac, "fp32")


def test_another_chunk_size_must_give_the_same(conv: ModelSource, tmp_path: Path) -> None:
    """Right for 2 frames, wrong for more: a bias that grows with the number of frames beyond two."""
    model = onnx.load(conv.onnx_path)
    model.graph.output[0].name = "wrong"
    one, two = (numpy_helper.from_array(np.array(v, np.int64), n) for v, n in (([1], "one"), ([2], "two")))
    model.graph.initializer.extend([one, two])
    make = onnx.helper.make_node
    model.graph.node.extend(
        [
            make("Shape", ["logits"], ["size"]),
            make("Gather", ["size", "one"], ["count"]),
            make("Sub", ["count", "two"], ["beyond"]),
            make("Cast", ["beyond"], ["bias"], to=onnx.TensorProto.FLOAT),
            make("Add", ["logits", "bias"], ["wrong"]),
        ]
    )
    contract = dataclasses.replace(
        conv.contract, outputs=(dataclasses.replace(conv.contract.outputs[0], name="wrong"),)
    )
    model.graph.node[-1].output[0] = model.graph.output[0].name = "wrong"
    artifact = graphs.save(model, tmp_path / "wrong.onnx")
    truth = onnx.load(conv.onnx_path)
    truth.graph.node.append(make("Identity", ["logits"], ["wrong"]))
    truth.graph.output[0].name = "wrong"
    reference = reference_of(graphs.save(truth, tmp_path / "truth.onnx"), contract, AUDIO)
    with pytest.raises(ParityFailed, match="chunks of 640 samples"):
        check_parity(reference, artifact, "fp32")


def test_not_finite_is_refused(conv: ModelSource, tmp_path: Path) -> None:
    reference = reference_of(conv.onnx_path, conv.contract, AUDIO)
    infinite = scaled(conv, "head_w", np.inf, tmp_path)
    with pytest.raises(ParityFailed, match=r"output logits of changed\.onnx is not finite in chunk 0"):
        check_parity(reference, infinite, "int4-weight")


def test_what_the_runtime_cannot_load(conv: ModelSource, tmp_path: Path) -> None:
    reference = reference_of(conv.onnx_path, conv.contract, AUDIO)
    (tmp_path / "broken.onnx").write_bytes(b"\x00" * 100)
    with pytest.raises(ExportFailed, match="its runtime cannot load what was exported"):
        check_parity(reference, tmp_path / "broken.onnx", "fp32")


def test_fixed_length_is_stepped_by_the_reference_evaluator(tmp_path: Path) -> None:
    model = graphs.conv_graph(frames=2)
    contract = dataclasses.replace(graphs.conv_contract(model), allowed_chunk_samples=(320,))
    path = graphs.save(model, tmp_path / "fixed.onnx")
    reference = reference_of(path, contract, AUDIO)
    assert reference.how == "stepped by onnx's reference evaluator, because its input has a fixed length"
    parity = check_parity(reference, path, "fp32")
    assert parity.passed
    assert 0 < parity.chunk_count <= 64


def test_recordings_shorter_than_a_chunk(conv: ModelSource) -> None:
    with pytest.raises(BadAudio, match="at least 1280 samples"):
        reference_of(conv.onnx_path, conv.contract, [np.zeros(1279, np.int16)])


def test_join_finds_the_axis_that_grew() -> None:
    chunks = [np.full((1, 2, 3), k, np.float32) for k in range(4)]
    joined = join(chunks, (1, 8, 3))
    assert joined is not None
    assert joined[0, :, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert join(chunks, (1, 7, 3)) is None
    assert join(chunks, (1, 2, 3)) is None
    assert join(chunks[:1], (1, 2, 3)) is chunks[0]
