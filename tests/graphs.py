"""Small real streaming graphs for tests: a causal convolution stack and an LSTM, with seeded weights."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from agents.contract import Frontend, StatePair, StreamContract, TensorSpec

MELS = 8
FRONTEND = Frontend("log-mel", mel_count=MELS)
OPSET = 17


def conv_graph(channels: int = 16, layers: int = 2, seed: int = 0, frames: int | str = "frames") -> onnx.ModelProto:
    """Input ``frames`` (1, T, 8); states ``cache_0..`` -> ``cache_0_next..`` (1, C, 2); output ``logits`` (1, T, 4)."""
    rng = np.random.default_rng(seed)
    nodes = [helper.make_node("Transpose", ["frames"], ["x_0"], name="to_channels", perm=[0, 2, 1])]
    weights, inputs, outputs = [], [_float("frames", [1, frames, MELS])], [_float("logits", [1, frames, 4])]
    for i in range(layers):
        channels_in = MELS if i == 0 else channels
        weights += _conv_weights(rng, f"conv_{i}", (channels, channels_in, 3))
        nodes += _causal_conv(i)
        inputs.append(_float(f"cache_{i}", [1, channels_in, 2]))
        outputs.append(_float(f"cache_{i}_next", [1, channels_in, 2]))
    weights += _conv_weights(rng, "head", (4, channels, 1))
    weights += [_int64("last_two", [-2]), _int64("end", [2**31]), _int64("axis", [2])]
    nodes.append(helper.make_node("Conv", [f"x_{layers}", "head_w", "head_b"], ["scores"], name="head"))
    nodes.append(helper.make_node("Transpose", ["scores"], ["logits"], name="to_frames", perm=[0, 2, 1]))
    return _model(nodes, inputs, outputs, weights)


def lstm_graph(hidden: int = 32, seed: int = 0) -> onnx.ModelProto:
    """Input ``frames`` (1, T, 8); states ``h_in``/``c_in`` -> ``h_out``/``c_out`` (1, 1, H); output (1, T, 4)."""
    rng = np.random.default_rng(seed)
    state = [1, 1, hidden]
    weights = [
        _weight(rng, "w", (1, 4 * hidden, MELS)),
        _weight(rng, "r", (1, 4 * hidden, hidden)),
        _weight(rng, "b", (1, 8 * hidden)),
        _weight(rng, "head_w", (hidden, 4)),
        _int64("directions", [1]),
    ]
    nodes = [
        helper.make_node("Transpose", ["frames"], ["x"], name="time_first", perm=[1, 0, 2]),
        helper.make_node(
            "LSTM", ["x", "w", "r", "b", "", "h_in", "c_in"], ["y", "h_out", "c_out"], name="lstm", hidden_size=hidden
        ),
        helper.make_node("Squeeze", ["y", "directions"], ["y_flat"], name="one_direction"),
        helper.make_node("Transpose", ["y_flat"], ["y_batch"], name="batch_first", perm=[1, 0, 2]),
        helper.make_node("MatMul", ["y_batch", "head_w"], ["logits"], name="head"),
    ]
    inputs = [_float("frames", [1, "frames", MELS]), _float("h_in", state), _float("c_in", state)]
    outputs = [_float("logits", [1, "frames", 4]), _float("h_out", state), _float("c_out", state)]
    return _model(nodes, inputs, outputs, weights)


def conv_contract(model: onnx.ModelProto, name: str = "conv") -> StreamContract:
    """The contract of a ``conv_graph``: chunks of 2 frames (20 ms at 16 kHz), or of 4 or 8."""
    states = tuple(
        StatePair(i.name, f"{i.name}_next", tuple(d.dim_value for d in i.type.tensor_type.shape.dim))
        for i in model.graph.input[1:]
    )
    return _contract(name, states)


def lstm_contract(hidden: int = 32, name: str = "lstm") -> StreamContract:
    """The contract of an ``lstm_graph``."""
    return _contract(name, tuple(StatePair(f"{s}_in", f"{s}_out", (1, 1, hidden)) for s in "hc"))


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def babble(seconds: float, seed: int = 0, rate_hz: int = 16_000) -> NDArray[np.int16]:
    """Noise in bursts: loud and quiet parts, so that ranges and states move."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz)
    envelope = np.abs(np.sin(2 * np.pi * 3.1 * np.arange(n) / rate_hz))
    return np.asarray(envelope * rng.standard_normal(n) * 4000, dtype=np.int16)


def _contract(name: str, states: tuple[StatePair, ...]) -> StreamContract:
    return StreamContract(
        model=name,
        sample_rate_hz=16_000,
        chunk_samples=320,
        allowed_chunk_samples=(320, 640, 1280),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, 2, MELS)),
        states=states,
        outputs=(TensorSpec("logits", (1, 2, 4)),),
    )


def _causal_conv(i: int) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Concat", [f"cache_{i}", f"x_{i}"], [f"heard_{i}"], name=f"heard_{i}", axis=2),
        helper.make_node("Slice", [f"heard_{i}", "last_two", "end", "axis"], [f"cache_{i}_next"], name=f"keep_{i}"),
        helper.make_node("Conv", [f"heard_{i}", f"conv_{i}_w", f"conv_{i}_b"], [f"conv_{i}"], name=f"conv_{i}"),
        helper.make_node("Relu", [f"conv_{i}"], [f"x_{i + 1}"], name=f"relu_{i}"),
    ]


def _conv_weights(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> list[onnx.TensorProto]:
    return [_weight(rng, f"{name}_w", shape), _weight(rng, f"{name}_b", shape[:1])]


def _weight(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> onnx.TensorProto:
    scale = 1.0 / np.sqrt(max(1, int(np.prod(shape[1:]))))
    return numpy_helper.from_array((rng.standard_normal(shape) * scale).astype(np.float32), name)


def _int64(name: str, values: list[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def _float(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "stream", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model
