"""The measured loops: paced from intended arrivals, flat-out, and span by span for quality.

Nothing is written, allocated on purpose or checked inside a timed stage. Times go to a preallocated array of shape
(chunks, 5), columns ``wire.TIME_COLUMNS``.
"""

import gc
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.arrival import Arrivals, in_turn, make_ring
from agents.backends.base import Backend, check_finite
from agents.clock import Clock
from agents.decode import make_decoder
from agents.decode.step_graph import Search
from agents.failure import Failure
from agents.features import FrontEnd, make_frontend
from agents.links import STARTED_NS

# The first arrival lies one chunk and this much after the loop's start.
LEAD_NS = 5_000_000
# Spinning before an arrival: at most this, and at most this share of a chunk, which bounds what pacing costs.
SPIN_NS = 200_000
SPIN_SHARE = 0.01
# A paced session checks its outputs only with this much idle time ahead.
IDLE_NS = 2_000_000
CHECK_NS = 250_000_000
CHECK_CHUNKS = 256
_WIDTH = len(wire.TIME_COLUMNS)

# (start, count) -> int16 samples, fewer where the audio ends.
ReadSamples = Callable[[int, int], NDArray[np.int16]]


class LoopedAudio:
    """Chunks of a recording that starts anew where it ends, without a seam in the chunk grid.

    Whole chunks never reach over the end; else the beginning is laid behind the end, in a copy.
    """

    def __init__(self, samples: NDArray[np.int16], chunk_samples: int) -> None:
        self.length = len(samples)
        self.chunk_samples = chunk_samples
        seamless = self.length % chunk_samples == 0
        self.extended = samples if seamless else np.concatenate([samples, np.resize(samples, chunk_samples)])

    def chunk(self, number: int) -> NDArray[np.int16]:
        start = number * self.chunk_samples % self.length
        return self.extended[start : start + self.chunk_samples]


@dataclass
class Stages:
    """What one chunk passes through: ``push(samples, target)``, ``step()``, ``decode()`` of the first output.

    ``decode`` is None where the contract names no decoder. ``check`` raises Failure where an output or state is not
    finite. ``progress`` is that of ``agents.links``. ``reset`` starts a new stream, ``finish`` ends one and
    returns its events.
    """

    push: Callable[[NDArray[Any], NDArray[Any]], Any]
    target: NDArray[Any]
    step: Callable[[], None]
    decode: Optional[Callable[[], None]]
    check: Callable[[int], None]
    reset: Callable[[], None]
    finish: Callable[[], Any]
    progress: Any


def make_stages(spec: wire.RunSpec, backend: Backend, progress: Any, search: Optional[Search] = None) -> Stages:
    """Bind front end, graph and decoder. An input that is not float32 is written through a float32 buffer and cast.

    ``search``: the second graph of a transducer, and the session's other files.
    """
    contract = spec.contract
    frontend = make_frontend(contract)
    decoder = make_decoder(contract.decoder, with_phase(search, frontend))
    target = backend.input
    staging = target if target.dtype == np.float32 else np.zeros(target.shape, np.float32)
    names = tuple(o.name for o in contract.outputs)

    def push_and_cast(samples: NDArray[Any], staging: NDArray[Any]) -> None:
        frontend.push_into(samples, staging)
        np.copyto(target, staging, casting="unsafe")

    def decode() -> None:
        decoder.push(backend.outputs[0])

    def decode_words() -> None:
        decoder.push(backend.outputs[0])
        if decoder.ended:
            backend.reset()
            frontend.reset()

    decoders = {"none": None, "trie": decode_words}

    def reset() -> None:
        backend.reset()
        frontend.reset()
        decoder.reset()

    return Stages(
        push=frontend.push_into if staging is target else push_and_cast,
        target=staging,
        step=backend.step,
        decode=decoders.get(contract.decoder.kind, decode),
        check=lambda chunk: check_finite(backend, names, chunk),
        reset=reset,
        finish=decoder.finish,
        progress=progress,
    )


def with_phase(search: Optional[Search], frontend: FrontEnd) -> Optional[Search]:
    """``search`` with what a front end for touch knows."""
    touch: Any = frontend
    return replace(search, phase_of=lambda: touch.phase) if search and hasattr(touch, "phase") else search


@dataclass(frozen=True)
class LoopCost:
    """``harness_ns``: time that the loop itself took between the stages (CPU time in a paced loop).

    ``per_chunk_ns``: its median per chunk, in a flat-out loop.
    """

    harness_ns: int
    per_chunk_ns: Optional[int]


@dataclass(frozen=True)
class TimedRun:
    """``decoded``: of each stream. ``final_t_ns`` int64, shape (2,): when the last chunk was there (arrival, or issue
    flat-out), and when the decoder's final events were. ``process_cpu_s`` and ``wall_s`` cover the loop.
    """

    decoded: Tuple[Any, ...]
    final_t_ns: NDArray[np.int64]
    cost: LoopCost
    process_cpu_s: float
    wall_s: float


def timed_run(
    stages: Stages, audio: LoopedAudio, times: NDArray[np.int64], spec: wire.RunSpec, clock: Clock
) -> TimedRun:
    """Stream ``len(times)`` chunks in the spec's mode, paced or flat-out."""
    rows = times[np.newaxis]
    if spec.mode == "flat-out":
        return timed([stages], rows, wire.ISSUE, clock, list, lambda _: flat_out(stages, audio, times, clock))

    def begin() -> List[int]:
        stages.progress[STARTED_NS] = clock.now_ns() + LEAD_NS
        return [stages.progress[STARTED_NS]]

    return timed_streams([stages], audio, rows, spec, clock, begin)


def timed_streams(
    stages: Sequence[Stages],
    audio: LoopedAudio,
    times: NDArray[np.int64],
    spec: wire.RunSpec,
    clock: Clock,
    begin: Callable[[], Sequence[int]],
) -> TimedRun:
    """Feed one stream per row of ``times``, shape (streams, chunks, 5), on the clock, served in turn by this thread.

    ``begin`` is called when all is ready and says when each stream begins, ns: its first chunk arrives C later.
    """

    def run(starts_ns: Sequence[int]) -> LoopCost:
        size, rate = spec.chunk_samples, spec.contract.sample_rate_hz
        arrivals = [Arrivals(start_ns, size, rate, spec.arrival_offsets_ns) for start_ns in starts_ns]
        fed = [Fed(s, audio, rows, arrival_of) for s, rows, arrival_of in zip(stages, times, arrivals)]
        return paced_in_turn(fed, clock, spec.policy, spec.ring_chunks)

    return timed(stages, times, wire.ARRIVAL, clock, begin, run)


def timed(
    stages: Sequence[Stages],
    times: NDArray[np.int64],
    last: int,
    clock: Clock,
    begin: Callable[[], Sequence[int]],
    run: Callable[[Sequence[int]], LoopCost],
) -> TimedRun:
    """``run`` from ``begin`` on, with fresh streams and the garbage collector off.

    ``last``: the column of ``times`` that says when the last chunk was there.
    """
    for each in stages:
        each.reset()
    gc.collect()
    gc.disable()
    try:
        starts_ns = begin()
        cpu_s, started_ns = time.process_time(), clock.now_ns()
        cost = run(starts_ns)
        decoded = tuple(each.finish() for each in stages)
        ended_ns = clock.now_ns()
        cpu_s = time.process_time() - cpu_s
    finally:
        gc.enable()
    final_t_ns = np.array([times[:, -1, last].max(), ended_ns], dtype=np.int64)
    return TimedRun(decoded, final_t_ns, cost, cpu_s, (ended_ns - started_ns) / 1e9)


def new_times(chunk_count: int) -> NDArray[np.int64]:
    """The array of times, every page touched, so that the loop takes no page fault for it."""
    times = np.empty((chunk_count, len(wire.TIME_COLUMNS)), dtype=np.int64)
    times.fill(0)
    return times


def cells_of(times: NDArray[np.int64]) -> memoryview:
    """The array as flat cells: a store costs a third of one through numpy."""
    return times.reshape(-1).data


def flat_out(stages: Stages, audio: LoopedAudio, times: NDArray[np.int64], clock: Clock) -> LoopCost:
    """Feed the next chunk at once. Column ``arrival`` is the moment from which the next chunk could have been served.

    Outputs are checked between segments of chunks, outside all columns. Raises Failure "non-finite-output".
    """
    total = len(times)
    start, stop = 0, 1
    while start < total:
        _flat_out_segment(stages, audio, times, start, stop, clock.now_ns)
        stages.check(stop - 1)
        stages.progress[0] = stop
        spent_ns = max(1, int(times[stop - 1, wire.DONE] - times[start, wire.ARRIVAL]))
        length = min(CHECK_CHUNKS, max(1, CHECK_NS * (stop - start) // spent_ns))
        start, stop = stop, min(total, stop + length)
    gaps = times[:, wire.ISSUE] - times[:, wire.ARRIVAL]
    return LoopCost(int(gaps.sum()), int(np.median(gaps)))


def _flat_out_segment(
    stages: Stages, audio: LoopedAudio, times: NDArray[np.int64], start: int, stop: int, now: Callable[[], int]
) -> None:
    push, target, step, decode = stages.push, stages.target, stages.step, stages.decode
    samples, length, size = audio.extended, audio.length, audio.chunk_samples
    cells, cell, position = cells_of(times), start * _WIDTH + wire.ISSUE, start * size % length
    before = now()
    for _ in range(stop - start):
        chunk = samples[position : position + size]
        position = (position + size) % length
        cells[cell] = now()
        push(chunk, target)
        cells[cell + 1] = now()
        step()
        cells[cell + 2] = now()
        if decode is not None:
            decode()
            cells[cell + 3] = now()
        cell += _WIDTH
    rows = times[start:stop]
    if decode is None:
        rows[:, wire.DONE] = rows[:, wire.MODEL_DONE]
    rows[0, wire.ARRIVAL], rows[1:, wire.ARRIVAL] = before, rows[:-1, wire.DONE]


@dataclass
class Fed:
    """A stream that is fed on the clock: its own model state, audio, schedule and rows of times.

    ``reached``: number of its newest chunk that was served, and one.
    """

    stages: Stages
    audio: LoopedAudio
    times: NDArray[np.int64]
    arrival_of: Arrivals
    reached: int = 0


def paced(
    stages: Stages,
    audio: LoopedAudio,
    times: NDArray[np.int64],
    arrival_of: Arrivals,
    clock: Clock,
    policy: str = "catch-up",
    ring_chunks: int = 1,
) -> LoopCost:
    """Serve chunk k at its intended arrival a_k, which no late chunk moves; late ones at once, or never (``policy``).

    Raises Failure "non-finite-output".
    """
    return paced_in_turn((Fed(stages, audio, times, arrival_of),), clock, policy, ring_chunks)


def paced_in_turn(streams: Sequence[Fed], clock: Clock, policy: str, ring_chunks: int) -> LoopCost:
    """``paced`` for streams that one server serves: whichever chunk arrived first is next. Each has a ring of its own.

    Raises Failure "non-finite-output".
    """
    now, cpu = clock.now_ns, clock.cpu_ns
    rings = [make_ring(s.times, s.arrival_of, policy, ring_chunks) for s in streams]
    order = in_turn(rings, [s.arrival_of for s in streams], now)
    cells = [cells_of(s.times) for s in streams]
    progress = streams[0].stages.progress
    spin_ns = min(SPIN_NS, int(SPIN_SHARE * streams[0].arrival_of.chunk_ns))
    harness_ns, marked_ns, checked_ns, checks = 0, cpu(), 0, 0
    for index, number in order:
        stream = streams[index]
        stages, chunk = stream.stages, stream.audio.chunk(number)
        push, target, step, decode = stages.push, stages.target, stages.step, stages.decode
        arrival = stream.arrival_of(number)
        idle_ns = arrival - now()
        if idle_ns > 0:
            # A check a quarter of a second, of one stream after the other.
            if idle_ns > IDLE_NS and (checks == 0 or arrival - checked_ns > CHECK_NS):
                other = streams[checks % len(streams)]
                if other.reached:
                    other.stages.check(other.reached - 1)
                    checked_ns, checks = arrival, checks + 1
            clock.wait_until(arrival, spin_ns)
        harness_ns += cpu() - marked_ns
        issue = now()
        push(chunk, target)
        fed = now()
        step()
        run = now()
        if decode is not None:
            decode()
        done = now()
        marked_ns = cpu()
        rows, cell = cells[index], number * _WIDTH
        rows[cell] = arrival
        rows[cell + 1] = issue
        rows[cell + 2] = fed
        rows[cell + 3] = run
        rows[cell + 4] = done
        progress[0] += number + 1 - stream.reached
        stream.reached = number + 1
    for stream in streams:
        stream.stages.check(stream.reached - 1)
    return LoopCost(harness_ns, None)


def evaluate(
    stages: Stages, read: ReadSamples, chunk_samples: int, spans: Tuple[wire.Span, ...]
) -> Tuple[List[Any], int]:
    """Decode each span from a fresh stream; returns what each gave, and the number of chunks fed.

    Only one span is in memory at a time. Raises Failure "non-finite-output", or "audio" where a span reaches beyond
    the samples.
    """
    decoded, fed = [], 0
    for span in spans:
        stages.reset()
        for chunk in span_chunks(read, span, chunk_samples):
            stages.push(chunk, stages.target)
            stages.step()
            stages.check(fed)
            if stages.decode is not None:
                stages.decode()
            fed += 1
            stages.progress[0] = fed
        decoded.append(stages.finish())
    return decoded, fed


def span_chunks(read: ReadSamples, span: wire.Span, chunk_samples: int) -> List[NDArray[np.int16]]:
    """The span in chunks, the last one padded with zeros. Raises Failure "audio" where it reaches beyond."""
    samples = read(span.start, span.count)
    if len(samples) < span.count:
        raise Failure(
            "audio",
            f"span {span.start}+{span.count} reaches beyond the audio, which has {len(samples)} of its samples: "
            "push the audio that belongs to these spans",
        )
    count = -(-span.count // chunk_samples)
    padded = np.zeros(count * chunk_samples, dtype=np.int16)
    padded[: span.count] = samples
    return list(padded.reshape(count, chunk_samples))
