"""Every bad input that meets the device: a message says what, where and what next, and the exit code is not 0."""

import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import strict_json, wire
from agents.contract import Decoder, StatePair, TensorSpec
from agents.failure import Failure
from agents.links import Links
from agents.session import Session
from agents.store import Store
from tests.agents.device import CHUNK, HIDDEN, RATE_HZ, Device, Run, contract, leaky_graph, samples, wav_bytes


def assert_failed(run: Run, failure: str, *parts: str) -> None:
    assert (run.code, run.kinds[-1]) == (wire.EXIT_SESSION_FAILED, "failed")
    assert (run.result.outcome, run.result.failure) == ("failed", failure)
    for part in parts:
        assert part in (run.result.reason or "")
    assert run.result.arrays is None


@pytest.mark.parametrize(
    "data",
    [leaky_graph()[:200], b"", b"this is no model", b"\x08\x07"],
    ids=["truncated", "empty", "text", "header only"],
)
def test_a_file_that_is_no_model(device: Device, data: bytes) -> None:
    run = device.run(device.spec(model=device.put(data, ".onnx")))
    assert_failed(run, "model-load", "cannot load", "export it again")


def test_an_ort_file_that_is_none(device: Device) -> None:
    assert_failed(device.run(device.spec(model=device.put(b"ORTM not really", ".ort"))), "model-load", "cannot load")


def test_a_model_that_was_never_pushed(device: Device) -> None:
    run = device.run(device.spec(model=wire.Blob("0" * 64, 10, ".onnx")))
    assert_failed(run, "model-load", "no blob", "push it again")


@pytest.mark.parametrize(("part", "failure"), [("model", "model-load"), ("audio", "audio")])
def test_a_blob_altered_on_the_device(device: Device, part: str, failure: str) -> None:
    spec = device.spec()
    blob = getattr(spec, part)
    path = device.root / "blobs" / blob.file_name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert_failed(device.run(spec), failure, "altered on the device", "push it again")
    assert not path.exists()


def test_nan_output_names_output_and_chunk(device: Device) -> None:
    # Positive samples keep the state above the limit at first; then silence lets it decay below.
    audio = np.concatenate([samples(0.2, 20000), np.zeros(8000, np.int16)])
    model = device.put(leaky_graph(nan_below=1e-3), ".onnx")
    spec = device.spec(model=model, audio=device.put(wav_bytes(device.root / "a.wav", audio), ".wav"), chunk_count=70)
    assert_failed(device.run(spec), "non-finite-output", "y holds NaN or infinity at chunk")


@pytest.mark.parametrize("mode", ["paced", "flat-out", "placement", "evaluate"])
def test_nan_output_in_every_mode(device: Device, mode: str) -> None:
    model = device.put(leaky_graph(nan_below=1e9), ".onnx")
    spans = (wire.Span(0, 1000),) if mode == "evaluate" else ()
    run = device.run(device.spec(model=model, mode=mode, chunk_count=0 if spans else 10, spans=spans))
    assert_failed(run, "non-finite-output", "y holds NaN or infinity at chunk", "leave this recipe out")


def test_a_state_that_is_infinite_where_the_output_is_not(device: Device) -> None:
    endless = contract(states=(StatePair("state_in", "state_out", (1, HIDDEN), initial=float("inf")),))
    run = device.run(device.spec(runtime="echo", provider="echo", contract=endless))
    assert_failed(run, "non-finite-output", "state_in holds NaN or infinity at chunk 0")


def silence_of_24_bit() -> bytes:
    return (
        b"RIFF"
        + struct.pack("<I", 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 3, 1, RATE_HZ, 64000, 4, 32)
        + b"data\0\0\0\0"
    )


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda p: wav_bytes(p, samples(), rate=8000), ("must be at 16000 Hz, got 8000 Hz", "resample it")),
        (lambda p: wav_bytes(p, samples(), channels=2), ("must be mono, got 2 channels", "convert it")),
        (
            lambda p: wav_bytes(p, samples().astype(np.uint8).astype(np.int16), width=1),
            ("16-bit, got 8 bits", "convert"),
        ),
        (lambda p: wav_bytes(p, samples(0)), ("must not be empty", "no samples")),
        (lambda p: b"", ("cannot read", "give a mono 16-bit PCM WAV")),
        (lambda p: b"ID3 not audio at all", ("cannot read", "give a mono 16-bit PCM WAV")),
        (lambda p: silence_of_24_bit(), ("cannot read", "give a mono 16-bit PCM WAV")),
    ],
    ids=["wrong rate", "stereo", "8-bit", "empty", "no bytes", "not audio", "float"],
)
def test_audio_that_cannot_be_streamed(device: Device, make: Any, parts: tuple[str, ...]) -> None:
    blob = device.put(make(device.root / "bad.wav"), ".wav")
    assert_failed(device.run(device.spec(audio=blob)), "audio", blob.file_name, *parts)


def test_a_wav_that_is_cut_off_is_streamed_as_far_as_it_goes(device: Device) -> None:
    data = wav_bytes(device.root / "a.wav", samples(1.0))
    run = device.run(device.spec(audio=device.put(data[: len(data) // 2 + 1], ".wav")))
    assert run.result.outcome == "ok"


def test_spans_beyond_the_audio(device: Device) -> None:
    run = device.run(device.spec(mode="evaluate", chunk_count=0, spans=(wire.Span(15990, 100),)))
    assert_failed(run, "audio", "reaches beyond the audio, which has ")


MISMATCHES: dict[str, tuple[dict[str, Any], str]] = {
    "input name": ({"input": TensorSpec("frames", (1, CHUNK))}, "no input 'frames'; it has x, state_in"),
    "input type": (
        {"input": TensorSpec("x", (1, CHUNK), "float16")},
        "tensor(float) in the graph, the contract says float16",
    ),
    "state shape": (
        {"states": (StatePair("state_in", "state_out", (1, HIDDEN + 1)),)},
        f"state_in has shape [1, {HIDDEN}] in the graph, the contract says [1, {HIDDEN + 1}]",
    ),
    "state output": ({"states": (StatePair("state_in", "gone", (1, HIDDEN)),)}, "no output 'gone'"),
    "output shape": ({"outputs": (TensorSpec("y", (1, 3)),)}, "y has shape"),
    "output name": ({"outputs": (TensorSpec("z", (1, HIDDEN)),)}, "no output 'z'; it has y, state_out"),
    "rank": ({"input": TensorSpec("x", (1, CHUNK, 1))}, "x has shape"),
    "constant": (
        {"constants": (TensorSpec("sr", (), "int64"),), "constant_values": {"sr": 16000.0}},
        "no input 'sr'",
    ),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_contract_that_does_not_fit_the_graph(device: Device, name: str) -> None:
    changes, message = MISMATCHES[name]
    run = device.run(device.spec(contract=replace(contract(), **changes)))
    assert_failed(run, "contract-mismatch", message, "export the model and its contract again")


def test_an_input_that_the_contract_leaves_out(device: Device) -> None:
    less = contract(states=(StatePair("other", "state_out", (1, HIDDEN)),))
    assert_failed(device.run(device.spec(contract=less)), "contract-mismatch", "no input 'other'")


def test_a_front_end_that_does_not_fit_the_rate(device: Device) -> None:
    from tests.graphs import FRONTEND, MELS

    mel = contract(
        frontend=replace(FRONTEND, high_hz=9000.0), input=TensorSpec("x", (1, 1 * MELS), "float32"), time_axis=0
    )
    run = device.run(device.spec(runtime="echo", provider="echo", contract=replace(mel, decoder=Decoder())))
    assert_failed(run, "contract-mismatch", "high_hz", "export the model")


def test_a_size_that_the_graph_was_not_made_for(device: Device) -> None:
    model = device.put(leaky_graph(dynamic=False), ".onnx")
    run = device.run(device.spec(model=model, chunk_samples=2 * CHUNK))
    assert_failed(run, "contract-mismatch", f"[1, {CHUNK}] in the graph, the contract says [1, {2 * CHUNK}]")


def test_an_unknown_runtime(device: Device) -> None:
    known = "knows echo, executorch, litert, onnxruntime, openvino, torchscript"
    assert_failed(device.run(device.spec(runtime="torch")), "runtime-missing", known)


def test_a_provider_that_the_build_does_not_have(device: Device) -> None:
    run = device.run(device.spec(provider="CUDAExecutionProvider"))
    assert_failed(run, "provider-missing", "CUDAExecutionProvider is not in onnxruntime", "CPUExecutionProvider")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"graph_level": "all"}, "unknown session option 'graph_level'"),
        ({"graph_optimization_level": "99"}, "must be one of disable, basic, extended, all, got '99'"),
        ({"enable_mem_pattern": "maybe"}, "got 'maybe'"),
    ],
)
def test_session_options_that_nobody_knows(device: Device, options: dict[str, str], message: str) -> None:
    assert_failed(device.run(device.spec(session_options=options)), "model-load", message)


def test_session_options_that_are_known(device: Device) -> None:
    options = {
        "graph_optimization_level": "basic",
        "enable_cpu_mem_arena": "0",
        "enable_mem_pattern": "false",
        "allow_spinning": "0",
        "execution_mode": "sequential",
        "session.set_denormal_as_zero": "1",
    }
    assert device.run(device.spec(session_options=options, threads=2)).result.outcome == "ok"


@pytest.mark.parametrize("missing", ["onnxruntime", "numpy"])
def test_no_runtime_on_the_device(device: Device, missing: str, tmp_path: Path) -> None:
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / f"{missing}.py").write_text(f"raise ImportError('No module named {missing}')\n")
    spec = device.spec()
    done = subprocess.run(
        device.argv("run"),
        input=json.dumps(strict_json.to_json(spec)),
        capture_output=True,
        text=True,
        cwd=device.cwd,
        env={"PYTHONPATH": str(tmp_path / "hide")},
        timeout=60,
        check=False,
    )
    run = Run(done.returncode, done.stdout, done.stderr)
    assert_failed(run, "runtime-missing", missing, f"install numpy and onnxruntime for {sys.executable}")


class SteppedClock:
    """The real monotonic clock, and a wall clock that jumps an hour ahead when the stream has begun."""

    def __init__(self, progress: memoryview) -> None:
        import time

        self._time, self._progress = time, progress

    def __call__(self) -> float:
        return self._time.time() + (3600.0 if self._progress[0] else 0.0)


def session_in_this_process(device: Device, spec: wire.RunSpec) -> tuple[Session, memoryview]:
    from agents.claim import SessionFolder
    from agents.clock import MonotonicClock

    folder = SessionFolder(str(device.root / "sessions" / spec.session_id))
    Path(folder.path).mkdir(parents=True)
    progress = memoryview(bytearray(24)).cast("Q")
    clock, wall = MonotonicClock(), SteppedClock(progress)
    return Session(Store(str(device.root)), folder, spec, Links(progress), clock, wall), progress


def test_a_wall_clock_stepped_mid_session_is_measured_and_changes_nothing(device: Device) -> None:
    session, _ = session_in_this_process(device, device.spec(mode="paced", chunk_count=30))
    session.run()
    result = session.result(None)
    t_ns = device.arrays()["t_ns"]
    assert result.clock_step_s == pytest.approx(3600.0, abs=1.0)
    assert np.diff(t_ns[:, wire.ARRIVAL]).tolist() == [10_000_000] * 29
    assert (t_ns[:, wire.DONE] - t_ns[:, wire.ARRIVAL]).max() < 3_600_000_000


def test_a_runtime_that_fails_in_the_stream(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.backends.echo import EchoBackend

    class Breaks(EchoBackend):
        errors = (RuntimeError,)

        def step(self) -> None:
            super().step()
            if self._steps == 5:
                raise RuntimeError("out of device memory")

    monkeypatch.setitem(__import__("agents.backends", fromlist=["x"]).BACKENDS, "breaks", f"{__name__}:Breaks")
    monkeypatch.setattr(sys.modules[__name__], "Breaks", Breaks, raising=False)
    spec = device.spec(runtime="breaks", provider="echo", mode="paced", chunk_count=30)
    session, _ = session_in_this_process(device, spec)
    with pytest.raises(Failure, match="breaks failed after 4 chunks: out of device memory") as failed:
        session.run()
    assert failed.value.kind == "inference"
    assert session.result(failed.value).load_ns is not None
