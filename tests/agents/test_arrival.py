"""What the ring buffer does with chunks that come while the model is busy, and arrivals of a recorded trace."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents import arrival, wire
from agents.arrival import Arrivals
from agents.paced import paced
from agents.stages import LoopedAudio
from agents.timed import new_times
from tests.agents.device import Device
from tests.agents.scripted import CHUNK_NS, RATE_HZ, SIZE, Script, recording
from tests.simulator.device import SimulatedDevice

MS = 1_000_000
START_NS = 2_000_000
# Features and decode of the scripted stages.
STAGES_NS = 15_000
COSTS = st.lists(st.integers(0, 80), min_size=1, max_size=60)


def run(
    service_ms: list[int], policy: str, ring: int = 1, offsets_ns: tuple[int, ...] = ()
) -> tuple[Script, NDArray[np.int64]]:
    """The n-th chunk that is served takes ``service_ms[n]``."""
    device = SimulatedDevice(start_ns=MS)
    script = Script(device, [ms * MS for ms in service_ms])
    times = new_times(len(service_ms))
    arrivals = Arrivals(START_NS, SIZE, RATE_HZ, offsets_ns)
    paced(script.stages(), LoopedAudio(recording(), SIZE), times, arrivals, device, policy, ring)
    return script, times


def lost(times: NDArray[np.int64]) -> list[int]:
    return np.flatnonzero(arrival.dropped(times)).tolist()


# Chunk 1 takes 55 ms, so that 2..6 arrive while it is in service (at 10 ms each).
STALL = [1, 55, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("policy", "ring", "expected"),
    [
        ("catch-up", 2, []),
        ("block", 2, []),
        ("drop-oldest", 2, [2, 3, 4]),
        ("drop-newest", 2, [4, 5, 6]),
        ("drop-oldest", 4, [2]),
        ("drop-newest", 4, [6]),
        ("drop-oldest", 5, []),
        ("drop-newest", 5, []),
    ],
)
def test_what_is_lost_to_a_stall(policy: str, ring: int, expected: list[int]) -> None:
    script, times = run(STALL, policy, ring)
    assert lost(times) == expected
    assert (times[:, wire.ARRIVAL] == START_NS + CHUNK_NS * np.arange(1, 11)).all()
    assert arrival.overruns(times, ring) == (len(expected) or int(policy in ("catch-up", "block") and ring < 5) * 3)
    # The model hears what is left, with a gap: it is fed nothing in place of a lost chunk.
    kept = [k for k in range(10) if k not in expected]
    assert [int(chunk[0]) for chunk in script.heard] == [k * SIZE for k in kept]


def test_oldest_keeps_a_client_near_the_present_and_newest_what_came_first() -> None:
    _, oldest = run(STALL, "drop-oldest", 1)
    _, newest = run(STALL, "drop-newest", 1)
    assert lost(oldest) == [2, 3, 4, 5]
    assert lost(newest) == [3, 4, 5, 6]
    assert oldest[6, wire.ISSUE] == newest[2, wire.ISSUE] == START_NS + 2 * CHUNK_NS + 55 * MS + STAGES_NS


def by_events(service_ms: list[int], policy: str, ring: int) -> list[int]:
    """Which chunks a client loses: arrivals and completions in the order of time, one in service, ``ring`` waiting."""
    costs = iter(service_ms)
    waiting: list[int] = []
    out, free_ns = [], -1
    for number in range(len(service_ms)):
        now_ns = START_NS + (number + 1) * CHUNK_NS
        while waiting and free_ns < now_ns:
            waiting.pop(0)
            free_ns += next(costs) * MS + STAGES_NS
        if free_ns < now_ns:
            free_ns = now_ns + next(costs) * MS + STAGES_NS
        elif len(waiting) < ring:
            waiting.append(number)
        elif policy == "drop-newest":
            out.append(number)
        else:
            out.append(waiting.pop(0))
            waiting.append(number)
    return out


@settings(max_examples=200)
@given(COSTS, st.sampled_from(["drop-oldest", "drop-newest"]), st.integers(1, 6))
def test_the_loop_loses_what_a_client_with_two_threads_loses(service_ms: list[int], policy: str, ring: int) -> None:
    _, times = run(service_ms, policy, ring)
    assert lost(times) == by_events(service_ms, policy, ring)


@given(COSTS, st.integers(1, 6))
def test_block_and_catch_up_have_the_same_times(service_ms: list[int], ring: int) -> None:
    assert (run(service_ms, "block", ring)[1] == run(service_ms, "catch-up", ring)[1]).all()


@given(COSTS, st.sampled_from(wire.POLICIES), st.integers(1, 6))
def test_no_policy_leaves_a_row_empty_or_moves_an_arrival(service_ms: list[int], policy: str, ring: int) -> None:
    _, times = run(service_ms, policy, ring)
    assert times[:, wire.ARRIVAL].tolist() == [START_NS + (k + 1) * CHUNK_NS for k in range(len(service_ms))]
    assert (times[:, 1:] >= times[:, :1]).all()
    waited = times[~arrival.dropped(times)]
    assert all(a[wire.DONE] <= b[wire.ISSUE] for a, b in pairwise(waited))


def test_a_recorded_trace_says_when_chunks_come() -> None:
    """A callback that comes two at a time: latency counts from when it came."""
    offsets = (10 * MS, 0, 3 * MS)
    _, times = run([1] * 7, "catch-up", offsets_ns=offsets)
    expected = [START_NS + (k + 1) * CHUNK_NS + offsets[k % 3] for k in range(7)]
    assert times[:, wire.ARRIVAL].tolist() == expected
    latency = times[:, wire.DONE] - times[:, wire.ARRIVAL]
    # Chunks 0 and 1 come together, and so do 3 and 4: the second of them waits for the first.
    assert latency.tolist() == [MS + STAGES_NS, 2 * (MS + STAGES_NS), MS + STAGES_NS] * 2 + [MS + STAGES_NS]


def spec_of(device: Device, **changes: object) -> wire.RunSpec:
    echo = {"runtime": "echo", "provider": "echo", "mode": "paced", "chunk_count": 30}
    return device.spec(**{**echo, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "drop"}, "policy must be one of .*got 'drop'"),
        ({"policy": "block", "mode": "flat-out"}, "belong to modes paced and multi, got mode 'flat-out'"),
        ({"arrival_offsets_ns": (1,), "mode": "flat-out"}, "belong to modes paced"),
        ({"arrival_offsets_ns": (30 * MS, 0)}, r"must not run backwards, got that at chunk \[1\]"),
        ({"arrival_offsets_ns": (-11 * MS, -11 * MS)}, "must not arrive before the stream"),
        ({"deadline_ns": 0}, "deadline_ns must be > 0, got 0"),
        ({"deadline_ns": -5}, "deadline_ns must be > 0, got -5"),
        ({"ring_chunks": 0}, "ring_chunks must be > 0, got 0"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    spec = spec_of(Device(tmp_path))
    with pytest.raises(ValueError, match=message):
        replace(spec, **changes)  # type: ignore[arg-type]


def test_a_session_tells_its_policy_and_what_it_lost(tmp_path: Path) -> None:
    device = Device(tmp_path)
    options = {"service_us": "100", "stall_every": "10", "stall_ms": "65"}
    spec = spec_of(
        device, session_options=options, policy="drop-oldest", ring_chunks=2, arrival_offsets_ns=(0, 500_000)
    )
    result, times = device.run(spec).result, device.arrays()["t_ns"]
    assert (result.outcome, result.policy, result.traced) == ("ok", "drop-oldest", True)
    assert result.dropped == result.overruns == len(lost(times)) >= 3


def test_a_chunk_longer_than_the_audio_is_refused(tmp_path: Path) -> None:
    from tests.agents.device import samples, wav_bytes

    device = Device(tmp_path)
    short = device.put(wav_bytes(device.root / "short.wav", samples()[:100]), ".wav")
    result = device.run(spec_of(device, audio=short)).result
    assert (result.outcome, result.failure) == ("failed", "audio")
    assert "a chunk of 160 samples is longer than the audio, which has 100" in str(result.reason)


def test_progress_tells_the_backlog_while_the_model_hangs(tmp_path: Path) -> None:
    device = Device(tmp_path)
    options = {"stall_every": "20", "stall_ms": "900"}
    run = device.run(spec_of(device, session_options=options, chunk_count=100))
    told = [event.data["backlog"] for event in run.events if event.kind == "progress"]
    # Nobody is late by itself: a stall of 0.9 s lasts three looks of the watchdog, in which 90 chunks arrive.
    assert max(backlog for backlog in told if backlog is not None) >= 20
    flat_out = device.run(spec_of(device, session_id="s2", mode="flat-out", session_options=options))
    assert {event.data["backlog"] for event in flat_out.events if event.kind == "progress"} <= {None}
