"""When chunks arrive, and which of them are served: the source and the ring buffer of a paced session.

The ring holds R chunks beside the one in service. What its owner does when another one arrives is the policy:
``catch-up`` keeps all and works them off, ``block`` makes the source wait with it (the same order and the same times,
because latency counts from the intended arrival all the same), ``drop-oldest`` and ``drop-newest`` lose a chunk, and
the model's state then has a gap, as it has in such a client.
"""

from collections import deque
from typing import Callable, Deque, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from agents import wire


class Arrivals:
    """a_k = t0 + (k + 1) C + offset of chunk k, ns. Offsets, of a recorded trace, begin anew where they end."""

    def __init__(self, start_ns: int, chunk_samples: int, sample_rate_hz: int, offsets_ns: Sequence[int] = ()) -> None:
        self._start_ns, self._samples_ns = start_ns, chunk_samples * 1_000_000_000
        self._rate, self._offsets = sample_rate_hz, offsets_ns
        self.chunk_ns = self._samples_ns // sample_rate_hz

    def __call__(self, number: int) -> int:
        on_time = self._start_ns + (number + 1) * self._samples_ns // self._rate
        return on_time + self._offsets[number % len(self._offsets)] if self._offsets else on_time


def served(
    times: NDArray[np.int64], arrival_of: Callable[[int], int], policy: str, ring_chunks: int, now: Callable[[], int]
) -> Iterator[int]:
    """Numbers of the chunks to serve, in order. Asked for the next one when the last is done, it looks at the clock.

    Rows of dropped chunks get their arrival, and ``wire.NEVER_NS`` in every other column.
    """
    if policy == "drop-oldest":
        return _without_oldest(times, arrival_of, ring_chunks, now)
    if policy == "drop-newest":
        return _without_newest(times, arrival_of, ring_chunks, now)
    return iter(range(len(times)))


def _drop(times: NDArray[np.int64], number: int, arrival_ns: int) -> None:
    times[number] = wire.NEVER_NS
    times[number, wire.ARRIVAL] = arrival_ns


def _without_oldest(
    times: NDArray[np.int64], arrival_of: Callable[[int], int], ring_chunks: int, now: Callable[[], int]
) -> Iterator[int]:
    number, arrived, total = 0, 0, len(times)
    while number < total:
        yield number
        number += 1
        now_ns = now()
        while arrived < total and arrival_of(arrived) <= now_ns:
            arrived += 1
        while number < arrived - ring_chunks:
            _drop(times, number, arrival_of(number))
            number += 1


def _without_newest(
    times: NDArray[np.int64], arrival_of: Callable[[int], int], ring_chunks: int, now: Callable[[], int]
) -> Iterator[int]:
    waiting: Deque[int] = deque()
    coming, total = 0, len(times)
    while waiting or coming < total:
        if waiting:
            yield waiting.popleft()
        else:
            yield coming
            coming += 1
        now_ns = now()
        while coming < total and arrival_of(coming) <= now_ns:
            if len(waiting) < ring_chunks:
                waiting.append(coming)
            else:
                _drop(times, coming, arrival_of(coming))
            coming += 1


def dropped(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are of chunks that were dropped, shape (chunks,)."""
    return np.asarray(times[:, wire.DONE] == wire.NEVER_NS)


def overruns(times: NDArray[np.int64], ring_chunks: int) -> int:
    """Chunks that found more than ``ring_chunks`` earlier ones waiting or in service when they arrived.

    Where chunks are dropped it is each of these: the ring is then never fuller.
    """
    lost = dropped(times)
    if lost.any():
        return int(lost.sum())
    arrivals = times[:, wire.ARRIVAL]
    done_before = np.searchsorted(times[:, wire.DONE], arrivals, side="right")
    return int((np.arange(len(times)) - done_before > ring_chunks).sum())
