"""A device of its own for a test: a store, small real ONNX graphs, WAV files, and the agent run as a process."""

import hashlib
import json
import subprocess
import sys
import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from agents import strict_json, wire
from agents.contract import Frontend, StatePair, StreamContract, TensorSpec

RATE_HZ = 16000
CHUNK = 160
HIDDEN = 8
REPOSITORY = Path(__file__).resolve().parents[2]


def contract(**changes: Any) -> StreamContract:
    """A pcm stream of 10 ms chunks with one state vector and one output of the chunk's shape."""
    plain = StreamContract(
        model="leaky",
        sample_rate_hz=RATE_HZ,
        chunk_samples=CHUNK,
        allowed_chunk_samples=(CHUNK, 2 * CHUNK),
        frontend=Frontend("pcm"),
        input=TensorSpec("x", (1, CHUNK)),
        states=(StatePair("state_in", "state_out", (1, HIDDEN)),),
        outputs=(TensorSpec("y", (1, HIDDEN)),),
    )
    return replace(plain, **changes)


def leaky_graph(*, gain: float = 1.0, nan_below: float | None = None, dynamic: bool = True) -> bytes:
    """state' = 0.5 state + gain * mean(x); y = state'. ``nan_below``: y is NaN while the state is below it."""
    size = ["samples"] if dynamic else [CHUNK]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *size]),
        helper.make_tensor_value_info("state_in", TensorProto.FLOAT, [1, HIDDEN]),
    ]
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, HIDDEN]),
        helper.make_tensor_value_info("state_out", TensorProto.FLOAT, [1, HIDDEN]),
    ]
    constants = {"half": [0.5], "gain": [gain], "limit": [-1e30 if nan_below is None else nan_below], "zero": [0.0]}
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "gain"], ["scaled"]),
        helper.make_node("Mul", ["state_in", "half"], ["kept"]),
        helper.make_node("Add", ["kept", "scaled"], ["state_out"]),
        # log of a negative number is NaN; the difference is added as zero where it is not.
        helper.make_node("Sub", ["state_out", "limit"], ["above"]),
        helper.make_node("Log", ["above"], ["log"]),
        helper.make_node("Mul", ["log", "zero"], ["nothing"]),
        helper.make_node("Add", ["state_out", "nothing"], ["y"]),
    ]
    initial = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in constants.items()]
    graph = helper.make_graph(nodes, "leaky", inputs, outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def samples(seconds: float = 1.0, level: int = 8000) -> NDArray[np.int16]:
    """Noise that is always positive, so that the leaky graph's state is too."""
    rng = np.random.default_rng(0)
    return rng.integers(1, level, int(seconds * RATE_HZ)).astype(np.int16)


def wav_bytes(path: Path, data: NDArray[np.int16], *, rate: int = RATE_HZ, channels: int = 1, width: int = 2) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return path.read_bytes()


@dataclass
class Device:
    """``root`` is the agent's root; ``command`` starts the agent (the checkout, or a zip archive)."""

    root: Path
    command: tuple[str, ...] = (sys.executable, "-m", "agents")
    cwd: Path = REPOSITORY

    def argv(self, verb: str, *options: str) -> list[str]:
        return [*self.command, verb, "--root", str(self.root), *options]

    def call(self, verb: str, *options: str, stdin: Any = None) -> subprocess.CompletedProcess[str]:
        """The verb with ``stdin`` as JSON."""
        text = "" if stdin is None else json.dumps(stdin)
        return subprocess.run(
            self.argv(verb, *options),
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.cwd,
            check=False,
        )

    def put(self, data: bytes, suffix: str) -> wire.Blob:
        """Lay a file into the store as a push does."""
        blob = wire.Blob(hashlib.sha256(data).hexdigest(), len(data), suffix)
        (self.root / "blobs").mkdir(parents=True, exist_ok=True)
        (self.root / "blobs" / blob.file_name).write_bytes(data)
        return blob

    def spec(self, **changes: Any) -> wire.RunSpec:
        """A short flat-out session of the leaky graph; ``changes`` replace fields."""
        if "model" not in changes:
            changes["model"] = self.put(leaky_graph(), ".onnx")
        if "audio" not in changes:
            changes["audio"] = self.put(wav_bytes(self.root / "tone.wav", samples()), ".wav")
        fields: dict[str, Any] = {
            "session_id": "s1",
            "mode": "flat-out",
            "runtime": "onnxruntime",
            "provider": "CPUExecutionProvider",
            "contract": contract(),
            "chunk_samples": CHUNK,
            "chunk_count": 50,
            "sampler_hz": 0.0,
            "timeout_s": 60.0,
        }
        if changes.get("mode") == "evaluate":
            fields["chunk_count"] = 0
        return wire.RunSpec(**{**fields, **changes})

    def whole_run(self, spec: wire.RunSpec) -> str:
        """What a session that ends well prints."""
        run = self.run(spec)
        assert run.code == 0, run
        return run.stdout

    def run(self, spec: wire.RunSpec, *options: str) -> "Run":
        done = self.call("run", *options, stdin=strict_json.to_json(spec))
        return Run(done.returncode, done.stdout, done.stderr)

    def arrays(self, session_id: str = "s1") -> dict[str, NDArray[Any]]:
        with np.load(self.root / "sessions" / session_id / "arrays.npz", allow_pickle=False) as file:
            return dict(file)


@dataclass(frozen=True)
class Run:
    """What ``agent run`` answered."""

    code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[wire.Event]:
        return [strict_json.from_json(wire.Event, json.loads(line)) for line in self.stdout.splitlines()]

    @property
    def kinds(self) -> list[str]:
        return [e.kind for e in self.events if e.kind != "progress"]

    @property
    def result(self) -> wire.RunResult:
        return strict_json.from_json(wire.RunResult, self.events[-1].data["result"])
