"""Sessions of what is no plain audio: tokens, whose ids are the graph's input; Whisper's windows without a state."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from agents import wire
from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.tokens import encode
from agents.whisper_mel import WhisperMel
from tests.agents.device import Device, samples, wav_bytes

VAD = Decoder("vad", labels=("speech", "silence"), refractory_frames=2)
LARGE = 100_000


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def graph(nodes: list[onnx.NodeProto], inputs: dict[str, TensorSpec], outputs: dict[str, TensorSpec]) -> bytes:
    kinds = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}
    ends = [
        [helper.make_tensor_value_info(n, kinds[s.dtype], s.shape) for n, s in specs.items()]
        for specs in (inputs, outputs)
    ]
    constants = [numpy_helper.from_array(np.array([[LARGE]], np.float32), "large")]
    made = helper.make_graph(nodes, "g", *ends, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_tokens_reach_the_graph_as_their_ids(device: Device) -> None:
    """The graph calls a token above 50,000 speech; its state is the token before."""
    contract = StreamContract(
        model="lm",
        sample_rate_hz=20,
        chunk_samples=2,
        allowed_chunk_samples=(2,),
        frontend=Frontend("tokens", hop_samples=2),
        input=TensorSpec("token", (1, 1), "int64"),
        states=(StatePair("before", "now", (1, 1)),),
        outputs=(TensorSpec("probability", (1, 1)),),
        decoder=VAD,
    )
    nodes = [
        helper.make_node("Cast", ["token"], ["now"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["before", "large"], ["probability"]),
    ]
    state = TensorSpec("s", (1, 1))
    model = graph(nodes, {"token": contract.input, "before": state}, {"probability": contract.outputs[0], "now": state})
    ids = [7, 90_000, 151_935 // 2, 40_000, 3, 3, 3]
    spec = device.spec(
        mode="evaluate",
        model=device.put(model, ".onnx"),
        contract=contract,
        chunk_samples=2,
        spans=(wire.Span(0, 2 * len(ids)),),
        audio=device.put(wav_bytes(device.root / "t.wav", encode(ids), rate=20), ".wav"),
    )
    result = device.run(spec).result
    assert (result.outcome, result.reason, result.chunk_count) == ("ok", None, 7)
    told = [(e["label"], e["frame"], round(e["score"], 3)) for e in result.decoded[0]["events"]]
    assert told == [("speech", 2, 0.9), ("silence", 6, 1.0)]


def test_windows_need_no_state(device: Device) -> None:
    frontend = Frontend(
        "whisper-mel", 16_000, window_samples=400, fft_size=400, mel_count=80, low_hz=0.0, high_hz=8000.0
    )
    contract = StreamContract(
        model="encoder",
        sample_rate_hz=16_000,
        chunk_samples=8_000,
        allowed_chunk_samples=(8_000,),
        frontend=frontend,
        input=TensorSpec("mels", (1, 80, 150)),
        states=(),
        outputs=(TensorSpec("mean", (1, 1)),),
        time_axis=2,
        decoder=VAD,
    )
    nodes = [
        helper.make_node("ReduceMean", ["mels"], ["bands"], axes=[2], keepdims=0),
        helper.make_node("ReduceMean", ["bands"], ["mean"], axes=[1], keepdims=1),
    ]
    model = graph(nodes, {"mels": contract.input}, {"mean": contract.outputs[0]})
    audio = np.concatenate([np.zeros(16_000, np.int16), samples(2.0), np.zeros(24_000, np.int16)])
    spec = device.spec(
        mode="evaluate",
        model=device.put(model, ".onnx"),
        contract=contract,
        chunk_samples=8_000,
        spans=(wire.Span(0, len(audio)),),
        audio=device.put(wav_bytes(device.root / "a.wav", audio), ".wav"),
    )
    result = device.run(spec).result
    assert (result.outcome, result.reason, result.chunk_count) == ("ok", None, 9)
    mel, wanted = WhisperMel(frontend, 16_000), []
    for start in range(0, len(audio), 8_000):
        out = np.empty((1, 80, 150), np.float32)
        mel.push_into(audio[start : start + 8_000], out)
        wanted.append(float(out.mean()))
    begins = next(k for k, value in enumerate(wanted) if value >= VAD.threshold)
    assert result.decoded[0]["events"][0]["frame"] == begins > 0
