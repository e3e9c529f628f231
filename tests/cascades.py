"""Small real graphs for cascades: an energy detector as VAD, a pitch spotter as speech recognizer, a counting language
model; and audio of tones for them, whose words and their ends are known.
"""

import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.strict_json import to_json

RATE_HZ = 16_000
VAD_CHUNK = 512
ASR_CHUNK = 320
VOCABULARY = 64
# The recognizer's words are tones of these frequencies; its graph is a bank of two filters.
WORDS = {"low": 500.0, "high": 2000.0}


def vad_graph() -> bytes:
    """speech = sigmoid(40 (mean |x| - 0.02)), of a chunk; the state is the last chunk's and only carried."""
    nodes = [
        helper.make_node("Abs", ["x"], ["size"]),
        helper.make_node("ReduceMean", ["size"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["mean", "level"], ["above"]),
        helper.make_node("Mul", ["above", "slope"], ["steep"]),
        helper.make_node("Sigmoid", ["steep"], ["speech"]),
        helper.make_node("Mul", ["state_in", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "speech"], ["state_out"]),
    ]
    constants = {"level": [0.02], "slope": [400.0], "zero": [0.0]}
    return _model(
        nodes,
        [("x", [1, VAD_CHUNK]), ("state_in", [1, 1])],
        [("speech", [1, 1]), ("state_out", [1, 1])],
        {name: np.array(value, np.float32) for name, value in constants.items()},
    )


def vad_contract() -> StreamContract:
    return StreamContract(
        model="energy",
        sample_rate_hz=RATE_HZ,
        chunk_samples=VAD_CHUNK,
        allowed_chunk_samples=(VAD_CHUNK,),
        frontend=Frontend("pcm"),
        input=TensorSpec("x", (1, VAD_CHUNK)),
        states=(StatePair("state_in", "state_out", (1, 1)),),
        outputs=(TensorSpec("speech", (1, 1)),),
        decoder=Decoder("vad", ("speech", "silence"), refractory_frames=10),
    )


def asr_graph(gain: float = 1e3) -> bytes:
    """A frame a chunk: the energies at the words' two frequencies against a floor; the blank wins in silence."""
    t = np.arange(ASR_CHUNK) / RATE_HZ
    waves = [np.exp(-2j * np.pi * hz * t) / ASR_CHUNK for hz in WORDS.values()]
    bank = np.stack([part for wave in waves for part in (wave.real, wave.imag)], axis=1)
    # Columns (re, im) of each word are squared and added.
    adder = np.kron(np.eye(len(WORDS)), np.ones((2, 1)))
    nodes = [
        helper.make_node("MatMul", ["x", "bank"], ["parts"]),
        helper.make_node("Mul", ["parts", "parts"], ["squared"]),
        helper.make_node("MatMul", ["squared", "adder"], ["power"]),
        helper.make_node("Mul", ["power", "gain"], ["loud"]),
        helper.make_node("Mul", ["state_in", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "one"], ["state_out"]),
        helper.make_node("Concat", ["state_out", "loud"], ["flat"], axis=1),
        helper.make_node("Unsqueeze", ["flat", "middle"], ["logits"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "bank": bank.astype(np.float32),
        "adder": adder.astype(np.float32),
        "gain": np.array([gain], np.float32),
        "zero": np.array([0.0], np.float32),
        "one": np.array([1.0], np.float32),
        "middle": np.array([1], np.int64),
    }
    inputs = [("x", [1, ASR_CHUNK]), ("state_in", [1, 1])]
    return _model(nodes, inputs, [("logits", [1, 1, 3]), ("state_out", [1, 1])], constants)


def asr_contract() -> StreamContract:
    return StreamContract(
        model="tones",
        sample_rate_hz=RATE_HZ,
        chunk_samples=ASR_CHUNK,
        allowed_chunk_samples=(ASR_CHUNK,),
        frontend=Frontend("pcm"),
        input=TensorSpec("x", (1, ASR_CHUNK)),
        states=(StatePair("state_in", "state_out", (1, 1)),),
        outputs=(TensorSpec("logits", (1, 1, 3)),),
        decoder=Decoder("ctc", ("-", *WORDS), blank=0),
    )


def lm_graph() -> bytes:
    """The likeliest next token is the last one + the number of tokens so far, modulo the vocabulary."""
    positions = np.arange(VOCABULARY, dtype=np.float32)[None, None, :]
    nodes = [
        helper.make_node("Cast", ["token"], ["last"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["count_in", "one"], ["count_out"]),
        helper.make_node("Add", ["last", "count_out"], ["sum"]),
        helper.make_node("Mod", ["sum", "size"], ["next"], fmod=1),
        helper.make_node("Unsqueeze", ["next", "end"], ["wide"]),
        helper.make_node("Sub", ["positions", "wide"], ["away"]),
        helper.make_node("Abs", ["away"], ["distance"]),
        helper.make_node("Neg", ["distance"], ["logits"]),
    ]
    constants = {
        "one": np.array([[1.0]], np.float32),
        "size": np.array([[float(VOCABULARY)]], np.float32),
        "end": np.array([2], np.int64),
        "positions": positions,
    }
    graph = helper.make_graph(
        nodes,
        "counting",
        [
            helper.make_tensor_value_info("token", TensorProto.INT64, [1, 1]),
            helper.make_tensor_value_info("count_in", TensorProto.FLOAT, [1, 1]),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, VOCABULARY]),
            helper.make_tensor_value_info("count_out", TensorProto.FLOAT, [1, 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return _checked(graph)


def lm_contract() -> StreamContract:
    return StreamContract(
        model="counting",
        sample_rate_hz=RATE_HZ,
        chunk_samples=2,
        allowed_chunk_samples=(2,),
        frontend=Frontend("tokens", hop_samples=2, window_samples=2, fft_size=2),
        input=TensorSpec("token", (1, 1), "int64"),
        states=(StatePair("count_in", "count_out", (1, 1)),),
        outputs=(TensorSpec("logits", (1, 1, VOCABULARY)),),
    )


def reply_of(prompt: list[int], tokens: int) -> list[int]:
    """What ``lm_graph`` answers."""
    reply, last = [], prompt[-1]
    for count in range(len(prompt), len(prompt) + tokens):
        last = (last + count) % VOCABULARY
        reply.append(last)
    return reply


@dataclass(frozen=True)
class SpokenTone:
    label: str
    start_s: float
    end_s: float


def tones(
    words: list[str], word_s: float = 0.3, gap_s: float = 0.1, before_s: float = 1.0, after_s: float = 1.0
) -> tuple[NDArray[np.int16], list[SpokenTone]]:
    """Silence, the words with short gaps, silence; and when each of them is."""
    pieces, spoken, at_s = [np.zeros(round(before_s * RATE_HZ))], [], before_s
    for word in words:
        t = np.arange(round(word_s * RATE_HZ)) / RATE_HZ
        pieces += [0.3 * np.sin(2 * np.pi * WORDS[word] * t), np.zeros(round(gap_s * RATE_HZ))]
        spoken.append(SpokenTone(word, at_s, at_s + word_s))
        at_s += word_s + gap_s
    pieces.append(np.zeros(round(after_s * RATE_HZ)))
    return (np.concatenate(pieces) * 32767).astype(np.int16), spoken


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, list[int]]],
    outputs: list[tuple[str, list[int]]],
    constants: dict[str, NDArray[Any]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "cascade",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return _checked(graph)


def _checked(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def lay_library(models: Path) -> None:
    """The three models as imported ones, below the ``models`` folder of a results folder; the recognizer has an
    evaluation set of three utterances.
    """
    made = ((vad_contract(), vad_graph()), (asr_contract(), asr_graph()), (lm_contract(), lm_graph()))
    for contract, graph in made:
        folder = models / contract.model
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(graph)
        (folder / "contract.json").write_text(json.dumps(to_json(contract)), encoding="utf-8")
    _lay_evaluation(models / asr_contract().model)


def _lay_evaluation(folder: Path) -> None:
    lines, pieces, at_s = [], [], 0.0
    for words in (["low", "high"], ["high"], ["high", "low", "high"]):
        samples, spoken = tones(words, word_s=0.2, before_s=0.2, after_s=0.1)
        events = [{"label": s.label, "start_s": s.start_s, "end_s": s.end_s} for s in spoken]
        duration_s = len(samples) / RATE_HZ
        line = {"audio_filepath": "tones.wav", "offset": at_s, "duration": duration_s, "text": " ".join(words)}
        lines.append(json.dumps({**line, "split": "test", "events": events}))
        pieces.append(samples)
        at_s += duration_s
    with wave.open(str(folder / "tones.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.concatenate(pieces).tobytes())
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


FILE = """
name = "tones"
audio = { pause_ms = 500 }

[[stage]]
name = "vad"
model = "energy"
when = "always"
budget_ms = 500

[[stage]]
name = "asr"
model = "tones"
when = "speech"
budget_ms = 500

[[stage]]
name = "lm"
model = "counting"
when = "final"
reply_tokens = 4
budget_ms = 0.0001
"""
