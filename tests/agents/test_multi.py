"""Several streams at once: each keeps its own schedule, ring and state, whoever serves it."""

import os
import re
import resource
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents import wire
from agents.arrival import Arrivals, dropped
from agents.crew import Crew
from agents.failure import Failure
from agents.paced import Fed, paced_in_turn
from agents.phases import phases_ns
from agents.stages import LoopedAudio
from agents.timed import new_times
from tests.agents.device import CHUNK, Device, leaky_graph
from tests.agents.scripted import CHUNK_NS, RATE_HZ, SIZE, Script, recording
from tests.agents.test_lifecycle import journal, session_pid, start, wait_for
from tests.simulator.device import SimulatedDevice

MS = 1_000_000
# Features and decode of the scripted stages.
STAGES_NS = 15_000
START_NS = 2_000_000


def in_turn(
    service_ms: list[list[int]], phases_ms: list[int], policy: str = "catch-up", ring: int = 50
) -> tuple[list[Script], NDArray[np.int64]]:
    """Chunk k of stream s takes ``service_ms[s][k]``, once it is served; all of them by one server."""
    clock = SimulatedDevice(start_ns=1_000_000)
    scripts = [Script(clock, [ms * MS for ms in service]) for service in service_ms]
    times = new_times(len(service_ms) * len(service_ms[0])).reshape(len(service_ms), -1, 5)
    audio = LoopedAudio(recording(), SIZE)
    fed = [
        Fed(script.stages(), audio, rows, Arrivals(START_NS + phase * MS, SIZE, RATE_HZ))
        for script, rows, phase in zip(scripts, times, phases_ms, strict=True)
    ]
    paced_in_turn(fed, clock, policy, ring)
    return scripts, times


def latency_ms(times: NDArray[np.int64]) -> list[list[float]]:
    return ((times[..., wire.DONE] - times[..., wire.ARRIVAL] - STAGES_NS) / MS).round(3).tolist()


def test_a_stream_waits_for_the_other_ones_turn_and_for_nothing_else() -> None:
    # Chunks come every 10 ms, those of the second stream 4 ms after the first one's.
    _, times = in_turn([[6, 6, 6], [3, 3, 3]], [0, 4])
    # The second one's chunk finds the first one's in service for another 2 ms (and its stages).
    assert latency_ms(times) == [[6, 6, 6], [5.015, 5.015, 5.015]]
    arrivals = times[:, :, wire.ARRIVAL] - START_NS
    assert arrivals.tolist() == [[10 * MS, 20 * MS, 30 * MS], [14 * MS, 24 * MS, 34 * MS]]


def test_a_stall_of_one_stream_delays_both_from_their_own_arrivals() -> None:
    _, times = in_turn([[1, 25, 1, 1], [1, 1, 1, 1]], [0, 4])
    # Served from 20 to 45.015; then 24 (stream 2), 30, 34, 40, 44, each from when it arrived, none moved.
    assert latency_ms(times) == [[1, 25, 17.03, 9.06], [1, 22.015, 14.045, 6.075]]
    assert (np.diff(times[:, :, wire.ARRIVAL]) == CHUNK_NS).all()


def by_the_definition(service_ns: list[list[int]], phases: list[int]) -> list[list[int]]:
    """d_k of each stream: of all that wait the server takes what arrived first, ties by the number of the stream."""
    waiting = sorted(
        (START_NS + phases[s] + (k + 1) * CHUNK_NS, s, k) for s, row in enumerate(service_ns) for k in range(len(row))
    )
    free, done = 0, [[0] * len(row) for row in service_ns]
    for arrival, s, k in waiting:
        free = max(free, arrival) + service_ns[s][k] + STAGES_NS
        done[s][k] = free
    return done


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_one_server_takes_whatever_arrived_first(data: st.DataObject) -> None:
    streams, chunks = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 8))
    ms = [data.draw(st.lists(st.integers(0, 15), min_size=chunks, max_size=chunks)) for _ in range(streams)]
    phases = [data.draw(st.integers(0, 9)) for _ in range(streams)]
    _, times = in_turn(ms, phases)
    expected = by_the_definition([[v * MS for v in row] for row in ms], [p * MS for p in phases])
    assert times[:, :, wire.DONE].tolist() == expected


@pytest.mark.parametrize(
    ("policy", "lost"), [("catch-up", [[], []]), ("drop-oldest", [[2], [1, 2]]), ("drop-newest", [[4], [3, 4]])]
)
def test_each_stream_has_a_ring_of_its_own(policy: str, lost: list[list[int]]) -> None:
    # 35 ms from 20 on: meanwhile 24, 34, 44, 54 (stream 2) and 30, 40, 50 (stream 1) arrive; each ring holds two.
    scripts, times = in_turn([[1, 35, 1, 1, 1], [1, 1, 1, 1, 1]], [0, 4], policy, ring=2)
    assert [np.flatnonzero(dropped(rows)).tolist() for rows in times] == lost
    for script, rows in zip(scripts, times, strict=True):
        assert len(script.heard) == 5 - int(dropped(rows).sum())


def test_every_stream_is_checked() -> None:
    clock = SimulatedDevice(start_ns=1_000_000)
    scripts = [Script(clock, [MS] * 200) for _ in range(3)]
    audio = LoopedAudio(recording(), SIZE)
    times = new_times(600).reshape(3, 200, 5)
    fed = [
        Fed(script.stages(), audio, rows, Arrivals(START_NS + n * MS, SIZE, RATE_HZ))
        for n, (script, rows) in enumerate(zip(scripts, times, strict=True))
    ]
    paced_in_turn(fed, clock, "catch-up", 50)
    for script in scripts:
        assert script.checked[-1] == 199
        assert len(script.checked) > 2, "in the stream too, not only at its end"
    assert scripts[0].progress == [600]


def test_phases_of_more_streams_begin_with_those_of_fewer() -> None:
    many = phases_ns(50, CHUNK_NS, seed=3)
    assert phases_ns(7, CHUNK_NS, seed=3) == many[:7]
    assert phases_ns(50, CHUNK_NS, seed=4) != many
    assert all(0 <= phase < CHUNK_NS for phase in many)
    assert len(set(many)) == 50


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"streams": 0}, "streams must be > 0, got 0"),
        ({"sharing": "threads"}, "sharing must be one of"),
        ({"mode": "paced", "streams": 2}, "streams and sharing belong to mode multi, got mode 'paced'"),
        ({"mode": "flat-out", "sharing": "one-session"}, "belong to mode multi"),
        ({"chunk_count": 0}, "chunk_count must be > 0"),
    ],
)
def test_what_cannot_be_asked_for(device: Device, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        device.spec(**{"mode": "multi", **changes})


def multi_spec(device: Device, **changes: Any) -> wire.RunSpec:
    """Three echo streams of 10 ms chunks, half a second of each."""
    return device.spec(**{"runtime": "echo", "provider": "echo", "mode": "multi", "streams": 3, **changes})


@pytest.mark.parametrize("sharing", wire.SHARINGS)
def test_a_session_gives_the_times_of_each_stream(device: Device, sharing: str) -> None:
    spec = multi_spec(device, sharing=sharing, seed=5, sampler_hz=10.0)
    run = device.run(spec)
    result, arrays = run.result, device.arrays()
    assert (result.outcome, result.reason) == ("ok", None)
    assert (result.streams, result.sharing, result.chunk_count) == (3, sharing, 50)
    assert arrays["stream"].tolist() == [0] * 50 + [1] * 50 + [2] * 50
    times = arrays["t_ns"].reshape(3, 50, 5)
    assert (np.diff(times[:, :, wire.ARRIVAL]) == CHUNK_NS).all()
    begun = times[:, 0, wire.ARRIVAL] - np.array(phases_ns(3, CHUNK_NS, seed=5))
    assert len(set(begun.tolist())) == 1, "the phases are those of the seed"
    assert (times[:, :, wire.ISSUE] >= times[:, :, wire.ARRIVAL]).all()
    assert (np.diff(times[:, :, wire.ISSUE :], axis=2) >= 0).all()
    assert len(result.decoded) == 3
    assert [m.phase for m in result.memory] == ["import", "load", "first-run", "steady"]
    assert result.pss is not None
    assert result.observer is not None
    assert result.observer.process_cpu_s > 0
    # What the sampler says of the process that only waits would be taken for the model's.
    assert ("sample_rss_bytes" in arrays) == (sharing == "one-session") == ("rss" not in result.sensors_absent)
    last = [event for event in run.events if event.kind == "progress"][-1].data
    assert last["total"] == 150
    assert 0 < last["done"] <= 150


@pytest.mark.parametrize("sharing", wire.SHARINGS)
def test_the_ring_and_its_policy_hold_for_each_stream(device: Device, sharing: str) -> None:
    options = {"stall_every": "20", "stall_ms": "90"}
    spec = multi_spec(
        device, sharing=sharing, session_options=options, policy="drop-oldest", ring_chunks=2, chunk_count=60
    )
    result, arrays = device.run(spec).result, device.arrays()
    assert (result.outcome, result.policy) == ("ok", "drop-oldest")
    lost = [int(dropped(rows).sum()) for rows in arrays["t_ns"].reshape(3, 60, 5)]
    assert min(lost) > 0, "each of them lost chunks to a stall"
    assert result.dropped == sum(lost) == result.overruns


def test_a_stream_that_is_killed_ends_the_session_with_its_number(device: Device) -> None:
    follower = start(device, multi_spec(device, chunk_count=3000))
    session = session_pid(device)
    children = Path(f"/proc/{session}/task/{session}/children")
    wait_for(lambda: len(children.read_text().split()) == 3)
    streams = [int(pid) for pid in children.read_text().split()]
    os.kill(streams[1], signal.SIGSEGV)
    stdout, _ = follower.communicate(timeout=60)
    assert follower.returncode == wire.EXIT_SESSION_FAILED, stdout
    last = journal(device)[-1]
    result = last.data["result"]
    assert (last.kind, result["failure"]) == ("failed", "killed")
    assert result["reason"] == "stream 2 of 3: its process was ended by SIGSEGV"
    for pid in (session, *streams):
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists())


def test_a_device_that_lets_no_more_processes_be_says_so() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    with Crew(40, 1, lambda number, line: line.say("there", number)) as crew:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
        try:
            with pytest.raises(Failure, match=r"stream \d+ of 40 cannot be started: Too many open files"):
                crew.add(40)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        started = crew.all_say("there")
        assert started == list(range(len(started)))
        assert 0 < len(started) < 40
    assert len(list(Path("/proc/self/fd").iterdir())) == used, "nothing is left open"


def test_a_killed_session_takes_its_streams_with_it(device: Device) -> None:
    follower = start(device, multi_spec(device, chunk_count=3000))
    session = session_pid(device)
    streams = Path(f"/proc/{session}/task/{session}/children").read_text().split()
    assert len(streams) == 3
    os.kill(session, signal.SIGKILL)
    follower.communicate(timeout=60)
    for pid in streams:
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize("sharing", wire.SHARINGS)
def test_what_fails_in_a_stream_is_told_as_it_is(device: Device, sharing: str) -> None:
    # The state begins at zero, below which y is NaN; it is found when the outputs are checked.
    model = device.put(leaky_graph(nan_below=1.0), ".onnx")
    spec = device.spec(mode="multi", streams=2, sharing=sharing, model=model)
    result = device.run(spec).result
    assert (result.outcome, result.failure) == ("failed", "non-finite-output")
    assert "y" in str(result.reason)
    assert bool(re.match(r"stream [12] of 2: ", str(result.reason))) == (sharing == "processes")


def test_a_model_that_cannot_be_loaded_is_told_once(device: Device) -> None:
    spec = device.spec(mode="multi", streams=2, model=device.put(b"no graph", ".onnx"))
    result = device.run(spec).result
    assert (result.outcome, result.failure) == ("failed", "model-load")
    assert str(result.reason).startswith("stream 1 of 2: ")


def test_one_loaded_model_keeps_the_streams_apart(device: Device) -> None:
    from agents.backends.onnxruntime import OnnxRuntimeBackend

    path = device.root / "leaky.onnx"
    path.write_bytes(leaky_graph())
    first = OnnxRuntimeBackend(device.spec(), str(path))
    first.first_run()
    first.bind()
    second, alone = first.another(), []
    for value in (1.0, 2.0, 3.0):
        first.input.fill(value)
        first.step()
        alone.append(first.outputs[0].copy())
    first.reset()
    for step, value in enumerate((1.0, 2.0, 3.0)):
        first.input.fill(value)
        second.input.fill(-5.0)
        first.step()
        second.step()
        np.testing.assert_array_equal(first.outputs[0], alone[step])
        assert (second.outputs[0] < 0).all()
    second.reset()
    assert not any(state.any() for state in second.states().values())
    assert all(state.any() for name, state in first.states().items() if "second" not in name)


def test_a_runtime_with_one_state_per_model_says_so(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents.clock import MonotonicClock
    from agents.links import Links
    from agents.multi import MultiSession

    spec = replace(multi_spec(device), sharing=wire.ONE_SESSION)
    session = MultiSession(None, None, spec, Links(memoryview(bytearray(64)).cast("Q")), MonotonicClock())  # type: ignore[arg-type]
    with pytest.raises(Failure, match="echo keeps one state per loaded model here: let the streams be processes"):
        session._another(object())
    assert CHUNK * 1_000_000_000 // RATE_HZ == CHUNK_NS
