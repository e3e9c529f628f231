"""Recurrences whose error against their fp32 source is known in closed form, as ONNX graphs.

state' = a state + g mean(x), y = state'. The input is constant in speech and zero in silence, so that every sum is
exact in float32 where a and g are powers of two.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.strict_json import to_json
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.state_drift import DriftReport, TensorDrift
from orchestrator.make.quality.audio import write_wav
from orchestrator.workflows.drift import DriftSettings, measure_state_drift
from orchestrator.workflows.progress import Silent

RATE_HZ, CHUNK = 16_000, 1600
CHUNK_S = CHUNK / RATE_HZ
LEVEL = 0.25


def graph(memory: float, gain: float = 1.0) -> onnx.ModelProto:
    inputs = [_float("x", [1, CHUNK]), _float("state_in", [1, 1])]
    outputs = [_float("y", [1, 1]), _float("state_out", [1, 1])]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "gain"], ["new"]),
        helper.make_node("Mul", ["state_in", "memory"], ["kept"]),
        helper.make_node("Add", ["kept", "new"], ["state_out"]),
        helper.make_node("Identity", ["state_out"], ["y"]),
    ]
    constants = {"memory": memory, "gain": gain}
    held = [numpy_helper.from_array(np.array([v], np.float32), n) for n, v in constants.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "drifting", inputs, outputs, held),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    onnx.checker.check_model(made)
    return made


def stateless() -> onnx.ModelProto:
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=1)
    made = helper.make_graph([node], "stateless", [_float("x", [1, CHUNK])], [_float("y", [1, 1])])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _float(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


CONTRACT = StreamContract(
    model="drifting",
    sample_rate_hz=RATE_HZ,
    chunk_samples=CHUNK,
    allowed_chunk_samples=(CHUNK,),
    frontend=Frontend("pcm"),
    input=TensorSpec("x", (1, CHUNK)),
    states=(StatePair("state_in", "state_out", (1, 1)),),
    outputs=(TensorSpec("y", (1, 1)),),
)


def put(folder: Path, model: onnx.ModelProto, contract: StreamContract = CONTRACT) -> Path:
    """The graph with its contract beside it."""
    folder.mkdir(parents=True)
    (folder / "contract.json").write_text(json.dumps(to_json(contract)))
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def audio(path: Path, speech_s: float, silence_s: float, times: int) -> Path:
    speech = np.full(round(speech_s * RATE_HZ), LEVEL * 32768, dtype=np.int16)
    silence = np.zeros(round(silence_s * RATE_HZ), dtype=np.int16)
    write_wav(path, np.tile(np.concatenate([speech, silence]), times), RATE_HZ)
    return path


def drift_of(
    folder: Path,
    source: onnx.ModelProto,
    artifact: onnx.ModelProto,
    *,
    tolerance: float = 0.1,
    speech_s: float = 60.0,
    silence_s: float = 0.0,
    times: int = 1,
) -> DriftReport:
    """Ten minutes, as ``earshot drift`` does it."""
    settings = DriftSettings(
        what=str(put(folder / "artifact", artifact)),
        recipe=Recipe("onnx", "fp32"),
        against=str(put(folder / "source", source)),
        audio=audio(folder / "a.wav", speech_s, silence_s, times),
        tolerance=tolerance,
        results=folder / "results",
    )
    return measure_state_drift(settings, Silent()).report


def state(report: DriftReport, way: str) -> TensorDrift:
    return next(t for t in report.of(way) if t.kind == "state")
