"""Promises 1 and 2: latency counts from the intended arrival, and a late chunk never shifts the schedule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents import arrival, stream, wire
from agents.arrival import Arrivals
from agents.failure import Failure
from agents.paced import paced
from agents.stages import LoopedAudio
from agents.timed import new_times
from tests.agents.scripted import CHUNK_NS, RATE_HZ, SIZE, Script, recording
from tests.simulator.device import SimulatedDevice


def early_device() -> SimulatedDevice:
    """Its clock shows 1 ms, before all arrivals of these tests."""
    return SimulatedDevice(start_ns=1_000_000)


def run_paced(
    service_ns: list[int], device: SimulatedDevice | None = None, start_ns: int = 2_000_000
) -> NDArray[np.int64]:
    device = device or early_device()
    times = new_times(len(service_ns))
    audio = LoopedAudio(recording(), SIZE)
    paced(Script(device, service_ns).stages(), audio, times, Arrivals(start_ns, SIZE, RATE_HZ), device)
    return times


def by_the_definition(service_ns: list[int], start_ns: int) -> tuple[list[int], list[int]]:
    """(a_k, d_k) written as in docs/measurement.md."""
    arrivals, done = [], []
    free = 0
    for k, service in enumerate(service_ns):
        arrivals.append(start_ns + (k + 1) * CHUNK_NS)
        free = max(arrivals[-1], free) + 10_000 + service + 5_000
        done.append(free)
    return arrivals, done


def test_a_stall_is_seen_by_every_chunk_that_waited() -> None:
    service = [1_000_000] * 10
    service[3] = 35_000_000
    times = run_paced(service)
    latency_ms = (times[:, wire.DONE] - times[:, wire.ARRIVAL]) / 1e6
    # 35.015 ms of service from the arrival on; each later chunk arrives 10 ms later and costs 1.015 ms.
    assert latency_ms == pytest.approx([1.015] * 3 + [35.015, 26.03, 17.045, 8.06, 1.015, 1.015, 1.015])
    # A closed loop would have said 1.015 ms for all but one.
    closed_loop_ms = (times[:, wire.DONE] - times[:, wire.ISSUE]) / 1e6
    assert sorted(closed_loop_ms)[-2] == pytest.approx(1.015)


@settings(max_examples=200)
@given(st.lists(st.integers(0, 60_000_000), min_size=1, max_size=40), st.integers(1_000_000, 10**15))
def test_late_chunks_never_shift_the_schedule(service_ns: list[int], start_ns: int) -> None:
    times = run_paced(service_ns, start_ns=start_ns)
    arrivals, done = by_the_definition(service_ns, start_ns)
    assert times[:, wire.ARRIVAL].tolist() == arrivals
    assert times[:, wire.DONE].tolist() == done
    assert (np.diff(times[:, wire.ISSUE :], axis=1) >= 0).all()


@given(st.lists(st.integers(0, 3_000_000), min_size=2, max_size=20))
def test_a_pacer_that_wakes_late_says_so_and_catches_up(late_ns: list[int]) -> None:
    device = SimulatedDevice(start_ns=1_000_000, wake_late_ns=lambda wait: late_ns[wait])
    times = run_paced([1_000_000] * len(late_ns), device)
    assert (times[:, wire.ISSUE] - times[:, wire.ARRIVAL]).tolist() == late_ns
    assert np.diff(times[:, wire.ARRIVAL]).tolist() == [CHUNK_NS] * (len(late_ns) - 1)


def test_arrivals_do_not_drift_where_a_chunk_is_no_whole_number_of_ns() -> None:
    count, rate = 3000, 44100
    times = new_times(count)
    device = early_device()
    stages = Script(device, [0] * count).stages()
    paced(stages, LoopedAudio(recording(), SIZE), times, Arrivals(0, SIZE, rate), device)
    assert times[-1, wire.ARRIVAL] == count * SIZE * 10**9 // rate


def test_paced_checks_outputs_only_with_idle_time_ahead_and_at_the_end() -> None:
    device = early_device()
    script = Script(device, [1_000_000] * 30 + [30_000_000] * 30)
    times = new_times(60)
    paced(script.stages(), LoopedAudio(recording(), SIZE), times, Arrivals(0, SIZE, RATE_HZ), device)
    assert script.checked == [0, 26, 59]
    assert script.progress == [60]


def test_flat_out_starts_each_chunk_where_the_last_one_ended() -> None:
    device = early_device()
    script = Script(device, [100_000] * 700)
    times = new_times(700)
    cost = stream.flat_out(script.stages(), LoopedAudio(recording(), SIZE), times, device)
    assert (times[1:, wire.ARRIVAL] == times[:-1, wire.DONE]).all()
    assert np.diff(times[0]).tolist() == [0, 10_000, 100_000, 5_000]
    assert cost.per_chunk_ns == 0
    assert script.checked[0] == 0
    assert script.checked[-1] == 699
    assert max(np.diff(script.checked)) <= stream.CHECK_CHUNKS


def test_flat_out_without_decoder_is_done_with_the_model() -> None:
    device = early_device()
    times = new_times(9)
    stream.flat_out(Script(device, [7] * 9).stages(decode=False), LoopedAudio(recording(), SIZE), times, device)
    assert (times[:, wire.DONE] == times[:, wire.MODEL_DONE]).all()
    assert np.diff(times[:, wire.DONE]).tolist() == [10_007] * 8


@pytest.mark.parametrize("decode", [True, False])
def test_slow_models_are_checked_and_reported_every_quarter_second(decode: bool) -> None:
    device = early_device()
    script = Script(device, [100_000_000] * 12)
    stream.flat_out(script.stages(decode), LoopedAudio(recording(), SIZE), new_times(12), device)
    assert script.checked == [0, 2, 4, 6, 8, 10, 11]


def test_a_bad_output_ends_the_loop() -> None:
    device = early_device()
    script = Script(device, [100_000_000] * 100, fail_at=5)
    with pytest.raises(Failure, match="y at chunk") as failed:
        stream.flat_out(script.stages(), LoopedAudio(recording(), SIZE), new_times(100), device)
    assert failed.value.kind == "non-finite-output"
    assert len(script.heard) < 10


@given(st.integers(1, 1000), st.integers(1, 400), st.integers(1, 30))
def test_looped_audio_has_no_seam(length: int, size: int, chunks: int) -> None:
    audio = LoopedAudio(recording(length), size)
    heard = np.concatenate([audio.chunk(k) for k in range(chunks)])
    assert heard.tolist() == np.resize(recording(length), chunks * size).tolist()


def test_both_loops_hear_the_same_chunks() -> None:
    heard = []
    for mode in ("paced", "flat-out"):
        device = early_device()
        script = Script(device, [0] * 300)
        audio, times = LoopedAudio(recording(1234), SIZE), new_times(300)
        if mode == "paced":
            paced(script.stages(), audio, times, Arrivals(0, SIZE, RATE_HZ), device)
        else:
            stream.flat_out(script.stages(), audio, times, device)
        heard.append(np.concatenate(script.heard).tolist())
    assert heard[0] == heard[1] == np.resize(recording(1234), 300 * SIZE).tolist()


def test_a_recording_of_whole_chunks_is_not_copied() -> None:
    samples = recording(10 * SIZE)
    assert LoopedAudio(samples, SIZE).extended is samples


def read_from(samples: NDArray[np.int16]) -> stream.ReadSamples:
    return lambda start, count: samples[start : start + count]


@given(st.integers(0, 500), st.integers(1, 500), st.integers(1, 200))
def test_span_chunks_hold_the_span_and_zeros(start: int, count: int, size: int) -> None:
    chunks = np.concatenate(stream.span_chunks(read_from(recording(1000)), wire.Span(start, count), size))
    assert chunks[:count].tolist() == list(range(start, start + count))
    assert not chunks[count:].any()
    assert len(chunks) - count < size


def test_a_span_beyond_the_audio_is_refused() -> None:
    with pytest.raises(Failure, match=r"span 900\+200 reaches beyond the audio, which has 100 of its"):
        stream.span_chunks(read_from(recording(1000)), wire.Span(900, 200), SIZE)


def test_overruns_count_chunks_that_found_more_than_the_ring_holds() -> None:
    service = [1_000_000] * 12
    service[2] = 55_000_000
    times = run_paced(service)
    # While chunk 2 is in service, chunks 3..7 arrive and find 1, 2, 3, 4, 5 before them; 8 finds five (3 was done).
    waiting = [int((times[:k, wire.DONE] > times[k, wire.ARRIVAL]).sum()) for k in range(12)]
    for ring in (1, 2, 3, 4, 5, 50):
        assert arrival.overruns(times, ring) == sum(w > ring for w in waiting)
    assert arrival.overruns(times, 4) > 0
    assert arrival.overruns(times, 50) == 0
