"""The agent's flat-out loop against the barest Python loop around the same runtime call: ratio of time per chunk.

The bare loop cuts the next chunk from the recording, writes it into the bound input (one multiply that scales int16 to
float32), calls ``run_with_iobinding`` with two bindings whose state buffers are swapped, reads the clock before and
after and stores the difference. It has no front end object, no stages, no decoder, no checks. Both loops use one
session, in blocks in the order ABBA, in several processes one after the other; the ratio is that of the medians of
adjacent blocks, and the figure is the median of all ratios.

    python benchmarks/bench_agent_loop.py [--processes 5] [--blocks 40] [--chunks 512]
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from agents import stream, wire
from agents.backends.onnxruntime import OnnxRuntimeBackend
from agents.clock import MonotonicClock
from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.stages import LoopedAudio, make_stages
from agents.timed import new_times

TARGET = 1.03
CHUNK, RATE_HZ, HIDDEN, LAYERS = 160, 16000, 368, 2


def mlp(chunk: int = CHUNK) -> bytes:
    """A recurrent net of dense layers, about 50 us per chunk on one core of a server."""
    rng = np.random.default_rng(0)

    def weight(name: str, shape: tuple[int, int]) -> Any:
        values = rng.normal(0.0, shape[0] ** -0.5, shape).astype(np.float32)
        return numpy_helper.from_array(values, name)

    weights = [weight("w_in", (chunk, HIDDEN)), weight("w_state", (HIDDEN, HIDDEN))]
    weights += [weight(f"w_{i}", (HIDDEN, HIDDEN)) for i in range(LAYERS)] + [weight("w_out", (HIDDEN, 16))]
    nodes = [
        helper.make_node("MatMul", ["x", "w_in"], ["from_x"]),
        helper.make_node("MatMul", ["state_in", "w_state"], ["from_state"]),
        helper.make_node("Add", ["from_x", "from_state"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["state_out"]),
    ]
    name = "state_out"
    for i in range(LAYERS):
        nodes.append(helper.make_node("MatMul", [name, f"w_{i}"], [f"dense_{i}"]))
        nodes.append(helper.make_node("Relu", [f"dense_{i}"], [f"hidden_{i}"]))
        name = f"hidden_{i}"
    nodes.append(helper.make_node("MatMul", [name, "w_out"], ["y"]))
    io = [("x", chunk), ("state_in", HIDDEN), ("y", 16), ("state_out", HIDDEN)]
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, size]) for n, size in io]
    graph = helper.make_graph(nodes, "mlp", infos[:2], infos[2:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def mlp_spec(chunk: int, chunks: int, mode: str, **changes: Any) -> wire.RunSpec:
    """A session of ``mlp``; its blobs are empty where the benchmark loads the model itself."""
    contract = StreamContract(
        model="mlp",
        sample_rate_hz=RATE_HZ,
        chunk_samples=chunk,
        allowed_chunk_samples=(chunk,),
        frontend=Frontend("pcm"),
        input=TensorSpec("x", (1, chunk)),
        states=(StatePair("state_in", "state_out", (1, HIDDEN)),),
        outputs=(TensorSpec("y", (1, 16)),),
    )
    none = wire.Blob("0" * 64, 0, ".onnx")
    fields: dict[str, Any] = {"session_id": "bench", "model": none, "audio": none, **changes}
    return wire.RunSpec(
        mode=mode,
        runtime="onnxruntime",
        provider="CPUExecutionProvider",
        contract=contract,
        chunk_samples=chunk,
        chunk_count=chunks,
        **fields,
    )


def write_mlp(folder: Path, chunk: int) -> Path:
    path = folder / f"mlp-{chunk}.onnx"
    path.write_bytes(mlp(chunk))
    return path


def noise_wav(folder: Path) -> Path:
    """Ten seconds of noise."""
    path = folder / "noise.wav"
    samples = np.random.default_rng(2).integers(-8000, 8000, 10 * RATE_HZ).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return path


def store_blob(root: Path, path: Path, suffix: str) -> wire.Blob:
    """Lay a file into the agent's store below ``root``."""
    data = path.read_bytes()
    blob = wire.Blob(hashlib.sha256(data).hexdigest(), len(data), suffix)
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    (root / "blobs" / blob.file_name).write_bytes(data)
    return blob


def bare_loop(session: Any, audio: np.ndarray, chunks: int) -> Any:
    """Returns a function that runs ``chunks`` chunks and returns the times between their ends, in ns."""
    x = np.zeros((1, CHUNK), np.float32)
    y = np.zeros((1, 16), np.float32)
    states = [ort.OrtValue.ortvalue_from_numpy(np.zeros((1, HIDDEN), np.float32)) for _ in "ab"]
    bindings = []
    for read in (0, 1):
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(x))
        binding.bind_ortvalue_input("state_in", states[read])
        binding.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_numpy(y))
        binding.bind_ortvalue_output("state_out", states[1 - read])
        bindings.append(binding)
    row, scale = x[0], np.array(1.0 / 32768.0, np.float32)
    service, ends = np.zeros(chunks, np.int64), np.zeros(chunks, np.int64)
    cells, end_cells = memoryview(service), memoryview(ends)
    run, now, multiply = session.run_with_iobinding, time.monotonic_ns, np.multiply

    def loop() -> np.ndarray:
        position, length = 0, len(audio) - CHUNK
        for k in range(chunks):
            chunk = audio[position : position + CHUNK]
            position = (position + CHUNK) % length
            start = now()
            multiply(chunk, scale, row)
            run(bindings[k & 1])
            end_cells[k] = end = now()
            cells[k] = end - start
        return np.diff(ends)

    return loop


def worker(blocks: int, chunks: int) -> list[list[float]]:
    """[bare ns, agent ns] per chunk (medians) for each adjacent pair of blocks."""
    samples = np.random.default_rng(1).integers(-8000, 8000, RATE_HZ).astype(np.int16)
    spec = mlp_spec(CHUNK, chunks, "flat-out")
    with tempfile.TemporaryDirectory() as folder:
        backend = OnnxRuntimeBackend(spec, str(write_mlp(Path(folder), CHUNK)))
    backend.first_run()
    backend.bind()
    stages = make_stages(spec, backend, [0])
    looped, times, clock = LoopedAudio(samples, CHUNK), new_times(chunks), MonotonicClock()
    # The same session for both: two loads of one file differ by some per cent through where their weights lie.
    bare = bare_loop(backend._session, looped.extended, chunks)

    def agent() -> np.ndarray:
        stages.reset()
        stream.flat_out(stages, looped, times, clock)
        return np.diff(times[:, wire.DONE])

    pairs = []
    for block in range(blocks + 1):
        first, second = (bare, agent) if block % 2 == 0 else (agent, bare)
        a, b = float(np.median(first())), float(np.median(second()))
        pairs.append([a, b] if first is bare else [b, a])
    return pairs[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--chunks", type=int, default=512)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(worker(options.blocks, options.chunks)))
        return
    root = str(Path(__file__).resolve().parents[1])
    argv = [sys.executable, __file__, "--worker", "--blocks", str(options.blocks), "--chunks", str(options.chunks)]
    ratios = []
    for number in range(options.processes):
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env={"PYTHONPATH": root})
        pairs = np.array(json.loads(done.stdout))
        ratios.append(pairs[:, 1] / pairs[:, 0])
        bare_us, agent_us = np.median(pairs, axis=0) / 1e3
        median = np.median(ratios[-1])
        print(f"process {number + 1}: bare {bare_us:.1f} us, agent {agent_us:.1f} us per chunk, ratio {median:.4f}")
    every = np.concatenate(ratios)
    low, high = np.percentile([np.median(r) for r in ratios], [0, 100])
    verdict = "met" if np.median(every) <= TARGET else "missed"
    print(f"median ratio {np.median(every):.4f} (processes {low:.4f}..{high:.4f}), target <= {TARGET}: {verdict}")


if __name__ == "__main__":
    main()
