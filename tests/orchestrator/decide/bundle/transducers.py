"""Small transducers for clients: real ONNX graphs and real words, with weights that were set, not trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from agents.contract import Decoder, StatePair, StepContract, StreamContract, TensorSpec
from agents.touch import MOTION_FEATURES
from orchestrator.make.models import reference
from tests import graphs
from tests.agents.backends.test_step_graphs import step_graph
from tests.agents.decode.toy_step import LABELS, step_contract

HIDDEN, STACK = 4, 4
SWIPES = reference.load_contract("gesture-rnnt")
KEYS = len(SWIPES.frontend.keys)


def speech(beam: int, folder: Path) -> tuple[StreamContract, Path, Path]:
    """Log-mel, a causal convolution and a seeded step: contract, encoder, step."""
    graph = graphs.conv_graph(layers=1)
    decoder = Decoder("rnnt", labels=LABELS, max_symbols=3, beam=beam)
    contract = replace(graphs.conv_contract(graph, "said"), decoder=decoder, search=step_contract(beam))
    return contract, graphs.save(graph, folder / "said.onnx"), graphs.save(step_graph(), folder / "said-step.onnx")


def swipes(folder: Path, **changes: Any) -> tuple[StreamContract, Path, Path]:
    """Swipes by how near each key is: contract, encoder, step. The keys, letters and beam are those of gesture-rnnt."""
    shape = SWIPES.input.shape
    contract = replace(
        SWIPES,
        model="swiped",
        states=(StatePair("last_in", "last_out", (1, 1, KEYS)),),
        outputs=(TensorSpec("encoded", (1, shape[1] // STACK, KEYS)),),
        allowed_chunk_samples=(SWIPES.chunk_samples,),
        decoder=replace(SWIPES.decoder, **changes),
        search=StepContract(
            token=TensorSpec("token", (1,), "int32"),
            frame=TensorSpec("frame", (1, KEYS)),
            states=(StatePair("h_in", "h_out", (1, HIDDEN)),),
            logits=TensorSpec("logits", (1, KEYS + 1)),
            batch=SWIPES.decoder.beam,
        ),
    )
    encoder = graphs.save(_near_keys(shape), folder / "swiped.onnx")
    return contract, encoder, graphs.save(_nearest_letter(), folder / "swiped-step.onnx")


def _near_keys(shape: tuple[int, ...]) -> onnx.ModelProto:
    """Of ``STACK`` points, how near each key was on average, and a little of the frame before the chunk."""
    frames = shape[1] // STACK
    nodes = [
        helper.make_node("Slice", ["touches", "begin", "end", "axis"], ["near"]),
        helper.make_node("Reshape", ["near", "stacked"], ["stacks"]),
        helper.make_node("ReduceMean", ["stacks"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("Mul", ["last_in", "tenth"], ["kept"]),
        helper.make_node("Add", ["mean", "kept"], ["encoded"]),
        helper.make_node("Slice", ["encoded", "last", "end", "time"], ["last_out"]),
    ]
    weights = {
        "begin": np.array([MOTION_FEATURES]),
        "end": np.array([2**31]),
        "axis": np.array([2]),
        "stacked": np.array([1, frames, STACK, KEYS]),
        "tenth": np.array([0.1], np.float32),
        "last": np.array([-1]),
        "time": np.array([1]),
    }
    inputs = [_real("touches", *shape), _real("last_in", 1, 1, KEYS)]
    return _model(nodes, inputs, [_real("encoded", 1, frames, KEYS), _real("last_out", 1, 1, KEYS)], weights)


def _nearest_letter() -> onnx.ModelProto:
    """A letter is likely where its key is near and it was not the letter before; a recurrent part disturbs that."""
    rng = np.random.default_rng(5)
    labels = KEYS + 1
    near = np.concatenate([np.zeros((KEYS, 1)), 12.0 * np.eye(KEYS)], axis=1)
    again = np.diag([0.0] + [-15.0] * KEYS) + np.array([0.0] + [-7.0] * KEYS)
    nodes = [
        helper.make_node("Gather", ["embedding", "token"], ["said"]),
        helper.make_node("MatMul", ["h_in", "recurrent"], ["kept"]),
        helper.make_node("Add", ["said", "kept"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["h_out"]),
        helper.make_node("MatMul", ["frame", "near"], ["of_frame"]),
        helper.make_node("Gather", ["again", "token"], ["of_token"]),
        helper.make_node("MatMul", ["h_out", "joint"], ["of_past"]),
        helper.make_node("Sum", ["of_frame", "of_token", "of_past"], ["logits"]),
    ]
    weights = {
        "embedding": rng.normal(size=(labels, HIDDEN)),
        "recurrent": rng.normal(size=(HIDDEN, HIDDEN)) * 0.5,
        "joint": rng.normal(size=(HIDDEN, labels)) * 0.5,
        "near": near,
        "again": again,
    }
    token = helper.make_tensor_value_info("token", TensorProto.INT32, ["rows"])
    inputs = [token, _real("frame", "rows", KEYS), _real("h_in", "rows", HIDDEN)]
    outputs = [_real("logits", "rows", labels), _real("h_out", "rows", HIDDEN)]
    return _model(nodes, inputs, outputs, {name: w.astype(np.float32) for name, w in weights.items()})


def voice_graph() -> onnx.ModelProto:
    """Of pcm (1, 512) a level that is smoothed, as a probability of speech (1, 1)."""
    nodes = [
        helper.make_node("Abs", ["pcm"], ["loud"]),
        helper.make_node("ReduceMean", ["loud"], ["level"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["level_in", "half"], ["kept"]),
        helper.make_node("Mul", ["level", "gain"], ["heard"]),
        helper.make_node("Add", ["kept", "heard"], ["level_out"]),
        helper.make_node("Add", ["level_out", "quiet"], ["above"]),
        helper.make_node("Sigmoid", ["above"], ["speech"]),
    ]
    numbers = {"half": 0.5, "gain": 60.0, "quiet": -4.0}
    weights = {name: np.array([value], np.float32) for name, value in numbers.items()}
    inputs, outputs = [_real("pcm", 1, 512), _real("level_in", 1, 1)], [_real("speech", 1, 1), _real("level_out", 1, 1)]
    return _model(nodes, inputs, outputs, weights)


def tokens_graph(vocabulary: int, labels: int) -> onnx.ModelProto:
    """Of ids (1, 2) a row of logits for each, moved by the rows before; ids reach over 15 bits."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Gather", ["embedding", "ids"], ["said"]),
        helper.make_node("Add", ["said", "kept_in"], ["logits"]),
        helper.make_node("ReduceMean", ["said"], ["kept_out"], axes=[1], keepdims=1),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 2])
    weights = {"embedding": rng.normal(size=(vocabulary, labels)).astype(np.float32)}
    outputs = [_real("logits", 1, 2, labels), _real("kept_out", 1, 1, labels)]
    return _model(nodes, [ids, _real("kept_in", 1, 1, labels)], outputs, weights)


def _real(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: dict[str, NDArray[Any]],
) -> onnx.ModelProto:
    initial = [numpy_helper.from_array(np.asarray(w), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, "stream", inputs, outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
