from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from agents.contract import StreamContract
from orchestrator.errors import BadInput, BadModel, NotAStream
from orchestrator.make.models.answers import Answers
from orchestrator.make.models.graph import read_graph
from orchestrator.make.models.infer import Inference, infer_contract
from tests import graphs


def infer(model: onnx.ModelProto, folder: Path, **answers: object) -> Inference:
    path = graphs.save(model, folder / "m.onnx")
    return infer_contract(read_graph(path), "m", Answers(**answers))  # type: ignore[arg-type]


def contract_of(model: onnx.ModelProto, folder: Path, **answers: object) -> StreamContract:
    contract = infer(model, folder, **answers).contract
    assert contract is not None
    return contract


def test_conv_with_two_answers(tmp_path: Path) -> None:
    model = graphs.conv_graph()
    open_questions = infer(model, tmp_path)
    assert open_questions.contract is None
    assert {q.flag.split()[0] for q in open_questions.questions} == {"--chunk-samples", "--sample-rate"}
    contract = contract_of(model, tmp_path, chunk_samples=320, sample_rate_hz=16_000)
    expected = graphs.conv_contract(model)
    assert (contract.input, contract.states, contract.outputs) == (expected.input, expected.states, expected.outputs)
    assert (contract.frontend.mel_count, contract.frontend.hop_samples, contract.time_axis) == (8, 160, 1)


def test_every_finding_says_why(tmp_path: Path) -> None:
    inference = infer(graphs.lstm_graph(), tmp_path, chunk_samples=160, sample_rate_hz=16_000)
    assert {"state h_in -> h_out", "state c_in -> c_out"} <= {f.item for f in inference.findings}
    assert all(f.why and f.value for f in inference.findings)


def test_fixed_frames_need_no_chunk_size_and_metadata_tell_the_rate(tmp_path: Path) -> None:
    model = graphs.conv_graph(frames=4)
    helper.set_model_props(model, {"sample_rate": "8000"})
    contract = contract_of(model, tmp_path)
    assert (contract.chunk_samples, contract.sample_rate_hz, contract.frontend.hop_samples) == (320, 8000, 80)
    with pytest.raises(BadInput, match="must be 4 frames, 320 samples, got 160"):
        infer(model, tmp_path, chunk_samples=160)


def test_no_state_pair(tmp_path: Path) -> None:
    model = graphs.conv_graph()
    del model.graph.output[1:]
    with pytest.raises(NotAStream, match="has no state pair: inputs frames float32") as error:
        infer(model, tmp_path)
    assert error.value.hint is not None
    assert "--state INPUT=OUTPUT" in error.value.hint


def test_state_of_unequal_shape_that_only_a_run_can_see(tmp_path: Path) -> None:
    """The output's shape is left open, as exporters do; the graph returns one column more than it takes."""
    model = growing_cache()
    with pytest.raises(
        NotAStream, match=r"of m\.onnx goes in as float32 \(1, 8, 2\) and comes out of cache_next as .*\(1, 8, 4\)"
    ):
        infer(model, tmp_path, chunk_samples=320, sample_rate_hz=16_000)


def growing_cache() -> onnx.ModelProto:
    frames = helper.make_tensor_value_info("frames", TensorProto.FLOAT, [1, "T", 8])
    cache = helper.make_tensor_value_info("cache", TensorProto.FLOAT, [1, 8, 2])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 8, "U"])
    cache_next = helper.make_tensor_value_info("cache_next", TensorProto.FLOAT, [1, 8, "U"])
    nodes = [
        helper.make_node("Transpose", ["frames"], ["x"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["cache", "x"], ["cache_next"], axis=2),
        helper.make_node("Relu", ["cache_next"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "g", [frames, cache], [logits, cache_next])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_nan_output_is_refused(tmp_path: Path) -> None:
    model = graphs.conv_graph()
    bias = next(i for i in model.graph.initializer if i.name == "head_b")
    bias.CopyFrom(numpy_helper.from_array(np.array([0, np.nan, 0, 0], dtype=np.float32), "head_b"))
    with pytest.raises(BadModel, match=r"output logits of m\.onnx holds NaN or infinity in chunk 0 of ordinary audio"):
        infer(model, tmp_path, chunk_samples=320, sample_rate_hz=16_000)


def test_state_dimension_that_only_a_person_knows(tmp_path: Path) -> None:
    model = graphs.conv_graph()
    for value in (model.graph.input[1], model.graph.output[1]):
        value.type.tensor_type.shape.dim[0].dim_param = "lanes"
        value.type.tensor_type.shape.dim[2].dim_param = "left"
    inference = infer(model, tmp_path, chunk_samples=320, sample_rate_hz=16_000)
    assert [q.flag for q in inference.questions] == ["--dim lanes=VALUE", "--dim left=VALUE"]
    told = {"lanes": 1, "left": 2}
    assert contract_of(model, tmp_path, chunk_samples=320, sample_rate_hz=16_000, dims=told).states[0].shape == (
        1,
        8,
        2,
    )


def test_pcm_with_context_and_a_constant(tmp_path: Path) -> None:
    model = pcm_graph(576)
    inference = infer(model, tmp_path)
    assert {q.flag for q in inference.questions} == {
        "--chunk-samples N",
        "--sample-rate HZ",
        "--constant sr=16000",
    }
    contract = contract_of(model, tmp_path, chunk_samples=512, constants={"sr": 16000.0})
    assert contract.sample_rate_hz == 16_000, "the constant sr tells the sample rate"
    assert (contract.frontend.kind, contract.frontend.context_samples) == ("pcm", 64)
    assert contract.input.shape == (1, 576)
    assert contract.constant_values == {"sr": 16000.0}
    with pytest.raises(BadInput, match=r"chunk 512 \+ context 32 must be the input's 576"):
        infer(model, tmp_path, chunk_samples=512, context_samples=32, constants={"sr": 16000.0})


def pcm_graph(samples: int | str) -> onnx.ModelProto:
    """Mean of the chunk, smoothed: state = 0.9 state + 0.1 mean, plus a sample rate that is only looked at."""
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", samples]),
        helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", 1]),
        helper.make_tensor_value_info("sr", TensorProto.INT64, []),
    ]
    outputs = [
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1]),
        helper.make_tensor_value_info("stateN", TensorProto.FLOAT, [None, None]),
    ]
    weights = [numpy_helper.from_array(np.float32(v), n) for n, v in (("keep", 0.9), ("take", 0.1), ("zero", 0.0))]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["state", "keep"], ["kept"]),
        helper.make_node("Mul", ["mean", "take"], ["taken"]),
        helper.make_node("Add", ["kept", "taken"], ["stateN"]),
        helper.make_node("Cast", ["sr"], ["rate"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["rate", "zero"], ["nothing"]),
        helper.make_node("Add", ["stateN", "nothing"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_unknown_constant_and_input_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--constant rate"):
        infer(pcm_graph(576), tmp_path, constants={"rate": 1.0})
    with pytest.raises(BadInput, match="--input sound: the graph has input, state, sr"):
        infer(pcm_graph(576), tmp_path, input="sound")


def test_answers_out_of_range() -> None:
    with pytest.raises(BadInput, match="--chunk-samples must be >= 1, got 0"):
        Answers(chunk_samples=0)
    with pytest.raises(BadInput, match="--frontend must be pcm or log-mel, got 'mfcc'"):
        Answers(frontend="mfcc")


def test_two_streams_at_once_are_refused(tmp_path: Path) -> None:
    model = pcm_graph(576)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    with pytest.raises(NotAStream, match="must be 1 for one stream, got 2"):
        infer(model, tmp_path)
