"""A keyword model that plain int8 ruins: one channel of one layer is thousands of times as large as the others.

What is large is divided away again by the next layer, so that fp32 computes what it would without it. Rounded per
tensor, the other channels of that layer become zeros. Random layers, a readout by least squares, tones in noise: made
in a second, the same bytes each time.
"""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.features import LogMel
from agents.strict_json import to_json
from orchestrator.make.models.graph import model_sha256
from orchestrator.make.models.source import ModelSource
from orchestrator.make.quality.audio import write_wav

RATE_HZ = 16_000
FRAMES, PAST, MELS = 8, 2, 16
TONES_HZ = (350.0, 650.0, 1050.0, 1600.0, 2400.0, 3500.0)
LABELS = tuple(f"tone-{hz:.0f}" for hz in TONES_HZ)
CLIP_S = 0.48
_SEED = 7
FRONTEND = Frontend("log-mel", mel_count=MELS)
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """``hidden`` layers of ``width`` channels; the output of number ``spoiled`` (from 0) has the outlier."""

    width: int = 64
    hidden: int = 5
    spoiled: int = 1
    factor: float = 4000.0

    @property
    def spoiled_pair(self) -> tuple[str, str]:
        """The layers that write and read the outlier."""
        return f"layer_{self.spoiled}", f"layer_{self.spoiled + 1}"


def make(folder: Path, shape: Shape, clips: int = 20) -> ModelSource:
    """``model.onnx``, ``contract.json``, ``manifest.jsonl`` and its audio in ``folder``; ``clips`` of each tone to
    test with, and four to calibrate with."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(_SEED)
    weights = _weights(shape, rng)
    path = folder / "model.onnx"
    path.write_bytes(_graph(shape, _spoiled(weights, shape)).SerializeToString(deterministic=True))
    contract = _contract()
    (folder / "contract.json").write_text(json.dumps(to_json(contract)))
    manifest = folder / "manifest.jsonl"
    lines = [*_clips(folder, "calibration", 4, rng), *_clips(folder, "test", clips, rng)]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ModelSource("outlier", contract, path, model_sha256(path), manifest)


def weights(shape: Shape) -> list[tuple[Floats, Floats]]:
    """(weights, bias) of each layer, as ``make`` writes them."""
    return _spoiled(_weights(shape, np.random.default_rng(_SEED)), shape)


def tone(label: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """One of ``TONES_HZ``, a little out of tune, in noise."""
    at_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    sung = 3000.0 * np.sin(2 * np.pi * TONES_HZ[label] * rng.uniform(0.97, 1.03) * at_s + rng.uniform(0, 6))
    return np.asarray(sung * rng.uniform(0.5, 1.5) + 300.0 * rng.standard_normal(len(at_s)), dtype=np.int16)


def _clips(folder: Path, split: str, each: int, rng: np.random.Generator) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    for number in range(each):
        for label, name in enumerate(LABELS):
            file = f"{split}-{name}-{number}.wav"
            write_wav(folder / file, tone(label, rng), RATE_HZ)
            lines.append({"audio_filepath": file, "text": name, "split": split})
    return lines


def _contract() -> StreamContract:
    chunk = FRAMES * FRONTEND.hop_samples
    return StreamContract(
        model="outlier",
        sample_rate_hz=RATE_HZ,
        chunk_samples=chunk,
        allowed_chunk_samples=(chunk,),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, FRAMES, MELS)),
        states=(StatePair("past_in", "past_out", (1, PAST, MELS)),),
        outputs=(TensorSpec("logits", (1, FRAMES, len(LABELS))),),
        decoder=Decoder("keyword", labels=LABELS, smooth_frames=8, threshold=0.5, refractory_frames=50),
    )


def _weights(shape: Shape, rng: np.random.Generator) -> list[tuple[Floats, Floats]]:
    """(weights, bias) of each layer: the first ones random, the last fitted to tell the tones apart."""
    sizes = [(1 + PAST) * MELS] + [shape.width] * shape.hidden
    layers = [_random(rng, *pair) for pair in pairwise(sizes)]
    seen = [(label, _features(tone(label, rng))) for _ in range(12) for label in range(len(LABELS))]
    frames = np.concatenate([features for _, features in seen])
    wanted = np.repeat([label for label, _ in seen], [len(features) for _, features in seen])
    for weights, bias in layers:
        frames = np.maximum(frames @ weights + bias, 0.0)
    target = np.where(wanted[:, None] == np.arange(len(LABELS)), 12.0, 0.0)
    with_bias = np.concatenate([frames, np.ones((len(frames), 1))], axis=1).astype(np.float64)
    ridge = with_bias.T @ with_bias + 1e-1 * np.eye(with_bias.shape[1])
    fitted = np.linalg.solve(ridge, with_bias.T @ target).astype(np.float32)
    return [*layers, (fitted[:-1], fitted[-1])]


def _random(rng: np.random.Generator, inputs: int, outputs: int) -> tuple[Floats, Floats]:
    size = max(inputs, outputs)
    turned, _ = np.linalg.qr(rng.standard_normal((size, size)))
    return (turned[:inputs, :outputs] * 1.4).astype(np.float32), np.full(outputs, 0.05, np.float32)


def frames_of(samples: NDArray[np.int16]) -> Floats:
    """Shape (frames, MELS)."""
    mel = LogMel(FRONTEND, RATE_HZ)
    frames = np.empty((1, len(samples) // FRONTEND.hop_samples, MELS), np.float32)
    mel.push_into(samples[: frames.shape[1] * FRONTEND.hop_samples], frames)
    return frames[0]


def _features(samples: NDArray[np.int16]) -> Floats:
    """As the graph sees them: each frame beside the two before it."""
    frames = frames_of(samples)
    padded = np.concatenate([np.zeros((PAST, MELS), np.float32), frames])
    return np.concatenate([padded[i : i + len(frames)] for i in range(1 + PAST)], axis=1) / 10.0


def _spoiled(weights: list[tuple[Floats, Floats]], shape: Shape) -> list[tuple[Floats, Floats]]:
    """One channel times ``factor``, and divided by it where the next layer reads it: the same function."""
    made = [(w.copy(), b.copy()) for w, b in weights]
    written, read = made[shape.spoiled], made[shape.spoiled + 1]
    written[0][:, 3] *= shape.factor
    written[1][3] *= shape.factor
    read[0][3, :] /= shape.factor
    return made


def _graph(shape: Shape, weights: list[tuple[Floats, Floats]]) -> onnx.ModelProto:
    nodes = [helper.make_node("Concat", ["past_in", "frames"], ["heard"], name="heard", axis=1)]
    constants = {"tenth": np.array(0.1, np.float32), "time": np.array([1]), "end": np.array([2**31])}
    constants["kept"] = np.array([-PAST])
    nodes.append(helper.make_node("Slice", ["heard", "kept", "end", "time"], ["past_out"], name="keep"))
    for i in range(1 + PAST):
        constants[f"from_{i}"], constants[f"to_{i}"] = np.array([i]), np.array([i - PAST if i < PAST else 2**31])
        nodes.append(
            helper.make_node("Slice", ["heard", f"from_{i}", f"to_{i}", "time"], [f"seen_{i}"], name=f"see_{i}")
        )
    nodes.append(helper.make_node("Concat", [f"seen_{i}" for i in range(1 + PAST)], ["beside"], name="beside", axis=2))
    nodes.append(helper.make_node("Mul", ["beside", "tenth"], ["x_0"], name="scaled"))
    for i, (matrix, bias) in enumerate(weights):
        last = i == shape.hidden
        constants[f"w_{i}"], constants[f"b_{i}"] = matrix, bias
        name = "head" if last else f"layer_{i}"
        nodes.append(helper.make_node("MatMul", [f"x_{i}", f"w_{i}"], [f"m_{i}"], name=name))
        nodes.append(helper.make_node("Add", [f"m_{i}", f"b_{i}"], ["logits" if last else f"a_{i}"], name=f"add_{i}"))
        if not last:
            nodes.append(helper.make_node("Relu", [f"a_{i}"], [f"x_{i + 1}"], name=f"relu_{i}"))
    inputs = [_float("frames", [1, "frames", MELS]), _float("past_in", [1, PAST, MELS])]
    outputs = [_float("logits", [1, "frames", len(LABELS)]), _float("past_out", [1, PAST, MELS])]
    initializers = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "stream", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _float(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
