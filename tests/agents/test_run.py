"""Whole sessions over real ONNX Runtime, in every mode, from the archive that goes to devices."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import wire
from agents.busy import end_busy, start_busy
from agents.contract import Decoder, StatePair, TensorSpec
from tests.agents.device import CHUNK, HIDDEN, Device, contract, leaky_graph, samples, wav_bytes


def leaky_states(audio: np.ndarray, chunks: int) -> np.ndarray:
    """The leaky graph in numpy: its state after each chunk of the looped audio."""
    looped = np.resize(audio, chunks * CHUNK).reshape(chunks, CHUNK) / np.float32(32768.0)
    state, states = 0.0, []
    for mean in looped.mean(axis=1):
        state = 0.5 * state + float(mean)
        states.append(state)
    return np.array(states)


def test_flat_out(archive_device: Device) -> None:
    run = archive_device.run(archive_device.spec(sampler_hz=20.0))
    result, arrays = run.result, archive_device.arrays()
    assert (run.code, run.kinds, run.stderr) == (0, ["accepted", "loaded", "finished"], "")
    assert (result.outcome, result.chunk_count, result.providers_registered) == ("ok", 50, ("CPUExecutionProvider",))
    t_ns = arrays["t_ns"]
    assert t_ns.shape == (50, 5)
    assert t_ns.dtype == np.int64
    assert (np.diff(t_ns, axis=1) >= 0).all()
    # The next chunk is there at once, but after the check between two segments, which no chunk pays for.
    waits = t_ns[1:, wire.ARRIVAL] - t_ns[:-1, wire.DONE]
    assert (waits >= 0).all()
    assert (waits == 0).sum() >= 40
    assert arrays["final_t_ns"][1] >= t_ns[-1, wire.DONE]
    assert result.arrays is not None
    data = (archive_device.root / "sessions" / "s1" / "arrays.npz").read_bytes()
    assert result.arrays == wire.Blob(hashlib.sha256(data).hexdigest(), len(data), ".npz")
    assert result.observer is not None
    assert result.observer.per_chunk_ns is not None
    assert [m.phase for m in result.memory] == ["import", "load", "first-run", "steady"]
    assert result.import_ns > 0 < result.load_ns  # type: ignore[operator]
    assert result.first_inference_ns > 0  # type: ignore[operator]
    assert result.before is not None
    assert result.after is not None
    assert result.runtime_version
    assert (archive_device.root / "sessions" / "s1" / "session.log").read_text() == ""


def test_paced_keeps_its_schedule(archive_device: Device) -> None:
    run = archive_device.run(archive_device.spec(mode="paced", chunk_count=40, sampler_hz=50.0))
    arrays = archive_device.arrays()
    t_ns = arrays["t_ns"]
    assert run.result.outcome == "ok"
    assert np.diff(t_ns[:, wire.ARRIVAL]).tolist() == [10_000_000] * 39
    assert (t_ns[:, wire.ISSUE] >= t_ns[:, wire.ARRIVAL]).all()
    observer = run.result.observer
    assert observer is not None
    assert observer.harness_cpu_share is not None
    assert observer.sampler_cpu_s is not None
    assert 0 < observer.stage_cpu_s <= observer.process_cpu_s


def test_the_sampler_saw_the_stream(archive_device: Device) -> None:
    run = archive_device.run(archive_device.spec(mode="paced", chunk_count=60, sampler_hz=50.0))
    arrays = archive_device.arrays()
    times = arrays["sample_t_ns"]
    inside = (times > arrays["t_ns"][0, wire.ISSUE]) & (times < arrays["t_ns"][-1, wire.DONE])
    assert times.dtype == np.int64
    assert inside.sum() >= 5
    assert arrays["sample_rss_bytes"].shape == times.shape
    assert np.nanmax(arrays["sample_rss_bytes"]) > 20e6
    assert not [name for name in arrays if not name.startswith(("sample_", "t_ns", "final_t_ns"))]
    for name in run.result.sensors_absent:
        assert not [a for a in arrays if a == f"sample_{name.replace('.', '__', 1)}"]


def test_who_else_was_busy_is_named_and_the_session_itself_is_not(device: Device) -> None:
    (burner,) = start_busy(1)
    try:
        run = device.run(device.spec(mode="paced", chunk_count=150, sampler_hz=50.0))
    finally:
        end_busy([burner])
    after, own = run.result.after, run.events[0].data["pid"]
    assert after is not None
    # On a machine that others use too, the burner need not be among the first.
    assert after.busiest
    assert own not in [process.pid for process in after.busiest]
    assert [p.cores for p in after.busiest] == sorted((p.cores for p in after.busiest), reverse=True)


def test_no_sampler_is_said(archive_device: Device) -> None:
    run = archive_device.run(archive_device.spec())
    assert run.result.sensors_absent == {"sampler": "switched off by sampler_hz=0"}
    assert not [name for name in archive_device.arrays() if name.startswith("sample_")]


def test_other_chunk_sizes_and_float16(device: Device) -> None:
    result = device.run(device.spec(chunk_samples=2 * CHUNK, chunk_count=20)).result
    assert (result.outcome, result.reason) == ("ok", None)


def keyword_decoder() -> Decoder:
    labels = tuple(f"w{n}" for n in range(HIDDEN))
    return Decoder("keyword", labels, threshold=0.1)


def test_evaluate_starts_anew_with_each_span(device: Device) -> None:
    audio = samples(1.0)
    spans = (wire.Span(0, 5 * CHUNK + 7), wire.Span(300, 40), wire.Span(0, 5 * CHUNK + 7))
    three_d = replace(contract(), decoder=keyword_decoder())
    spec = device.spec(
        mode="evaluate",
        spans=spans,
        contract=three_d,
        audio=device.put(wav_bytes(device.root / "a.wav", audio), ".wav"),
    )
    result = device.run(spec).result
    assert (result.outcome, result.reason, result.chunk_count) == ("ok", None, 6 + 1 + 6)
    assert len(result.decoded) == 3
    assert result.decoded[0] == result.decoded[2]
    assert result.decoded[0] != result.decoded[1]
    assert result.arrays is None


def test_placement_names_the_nodes(device: Device) -> None:
    result = device.run(device.spec(mode="placement", chunk_count=5)).result
    (share,) = result.placement
    assert (share.provider, share.time_share) == ("CPUExecutionProvider", 1.0)
    assert "ReduceMean" in share.operators
    assert share.nodes >= 4
    assert {o.op for o in result.operators} == set(share.operators)
    assert {o.calls for o in result.operators} == {6}, "five chunks and the first, cold one"
    assert sum(o.share or 0 for o in result.operators) == pytest.approx(1.0)
    assert result.fallback is None
    assert result.arrays is None
    assert not list((device.root / "sessions" / "s1").glob("profile*"))


def test_state_is_carried_from_chunk_to_chunk(device: Device, tmp_path: Path) -> None:
    """The session's own backend against numpy, chunk by chunk, after a reset and over an odd number of steps."""
    from agents.backends.onnxruntime import OnnxRuntimeBackend
    from agents.stages import LoopedAudio, make_stages

    path = tmp_path / "leaky.onnx"
    path.write_bytes(leaky_graph())
    spec = device.spec()
    backend = OnnxRuntimeBackend(spec, str(path))
    backend.first_run()
    backend.bind()
    stages = make_stages(spec, backend, [0])
    audio = LoopedAudio(samples(), CHUNK)
    for length in (7, 30):
        stages.reset()
        heard = []
        for k in range(length):
            stages.push(audio.chunk(k), stages.target)
            stages.step()
            heard.append(backend.outputs[0].copy())
        expected = leaky_states(samples(), length)[:, None, None] * np.ones((1, 1, HIDDEN))
        assert np.allclose(np.array(heard), expected, atol=1e-6)


def test_echo_is_labelled_everywhere(device: Device) -> None:
    spec = device.spec(runtime="echo", provider="echo", session_options={"service_us": "300"}, chunk_count=30)
    result = device.run(spec).result
    t_ns = device.arrays()["t_ns"]
    assert (result.outcome, result.runtime_version, result.providers_registered) == ("ok", "echo", ("echo",))
    assert result.runtime_build is not None
    assert "not a runtime" in result.runtime_build
    assert ((t_ns[:, wire.MODEL_DONE] - t_ns[:, wire.FEATURES_DONE]) >= 300_000).all()


def test_echo_stalls_as_told(device: Device) -> None:
    options = {"service_us": "100", "stall_every": "10", "stall_ms": "35"}
    spec = device.spec(
        mode="paced", runtime="echo", provider="echo", session_options=options, chunk_count=30, ring_chunks=2
    )
    result, t_ns = device.run(spec).result, device.arrays()["t_ns"]
    latency_ms = (t_ns[:, wire.DONE] - t_ns[:, wire.ARRIVAL]) / 1e6
    assert (latency_ms[9::10] >= 35).all()
    assert (latency_ms[10::10] >= 25).all()
    assert result.overruns >= 2


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_inputs_of_another_type_are_cast(device: Device, tmp_path: Path, kind: str) -> None:
    from agents.backends.echo import EchoBackend
    from agents.stages import make_stages

    typed = contract(input=TensorSpec("x", (1, CHUNK), kind), outputs=(TensorSpec("y", (1, CHUNK), kind),))
    spec = device.spec(runtime="echo", provider="echo", contract=typed)
    # Its step is a method, where the protocol has an attribute.
    backend: Any = EchoBackend(spec, str(tmp_path))
    stages = make_stages(spec, backend, [0])
    stages.push(np.full(CHUNK, 16384, np.int16), stages.target)
    stages.step()
    assert backend.outputs[0].dtype == np.dtype(kind)
    assert backend.outputs[0].tolist() == [[0.5 if kind == "float16" else 0] * CHUNK]


def test_log_mel_models_stream(device: Device) -> None:
    from tests.graphs import FRONTEND, MELS, lstm_graph

    mel = replace(
        contract(),
        frontend=FRONTEND,
        input=TensorSpec("frames", (1, 1, MELS)),
        states=(StatePair("h_in", "h_out", (1, 1, 32)), StatePair("c_in", "c_out", (1, 1, 32))),
        outputs=(TensorSpec("logits", (1, 1, 4)),),
        decoder=Decoder("ctc", ("-", "a", "b", "c")),
    )
    model = device.put(bytes(lstm_graph().SerializeToString()), ".onnx")
    result = device.run(device.spec(model=model, contract=mel, chunk_count=30)).result
    assert (result.outcome, result.reason) == ("ok", None)
