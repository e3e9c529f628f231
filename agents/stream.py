"""The measured loops: paced from intended arrivals, flat-out, and span by span for quality.

Nothing is written, allocated on purpose or checked inside a timed stage.
"""

from typing import Any, Callable, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.arrival import Arrivals
from agents.clock import Clock
from agents.failure import Failure
from agents.links import STARTED_NS
from agents.paced import CHECK_NS, Fed, paced_in_turn
from agents.stages import LoopedAudio, Stages
from agents.timed import WIDTH, LoopCost, TimedRun, cells_of, timed

# The first arrival lies one chunk and this much after the loop's start.
LEAD_NS = 5_000_000
CHECK_CHUNKS = 256

# (start, count) -> int16 samples, fewer where the audio ends.
ReadSamples = Callable[[int, int], NDArray[np.int16]]


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
    cells, cell, position = cells_of(times), start * WIDTH + wire.ISSUE, start * size % length
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
        cell += WIDTH
    rows = times[start:stop]
    if decode is None:
        rows[:, wire.DONE] = rows[:, wire.MODEL_DONE]
    rows[0, wire.ARRIVAL], rows[1:, wire.ARRIVAL] = before, rows[:-1, wire.DONE]


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
