"""When chunks arrive, and which of them are served: the source and the ring buffer of a paced session.

The ring holds R chunks beside the one in service. What its owner does when another one arrives is the policy:
``catch-up`` keeps all and works them off, ``block`` makes the source wait with it (the same order and the same times,
because latency counts from the intended arrival all the same), ``drop-oldest`` and ``drop-newest`` lose a chunk, and
the model's state then has a gap, as it has in such a client.
"""

from collections import deque
from heapq import heapify, heappop, heapreplace
from typing import Callable, Deque, Iterator, List, Optional, Protocol, Sequence, Tuple

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


class Ring(Protocol):
    """What waits of one stream. A server asks for its ``head`` when it is free, and takes that chunk."""

    def head(self, now_ns: int) -> Optional[int]:
        """Number of the chunk to serve next, one that waits or else the next to come; None where none is left.

        Rows of chunks dropped until ``now_ns`` get their arrival, and ``wire.NEVER_NS`` in every other column. A later
        look may find another head, never one that arrived earlier.
        """
        ...

    def take(self) -> None:
        """The head is being served."""
        ...


def make_ring(times: NDArray[np.int64], arrival_of: Callable[[int], int], policy: str, ring_chunks: int) -> Ring:
    """The ring of the stream whose rows are ``times``, with room for ``ring_chunks`` beside the chunk in service."""
    if policy == "drop-oldest":
        return _WithoutOldest(times, arrival_of, ring_chunks)
    if policy == "drop-newest":
        return _WithoutNewest(times, arrival_of, ring_chunks)
    return _Everything(len(times))


class _Everything:
    """Policies catch-up and block: the ring has room for all."""

    def __init__(self, total: int) -> None:
        self._number, self._total = 0, total

    def head(self, now_ns: int) -> Optional[int]:
        return self._number if self._number < self._total else None

    def take(self) -> None:
        self._number += 1


class _WithoutOldest:
    def __init__(self, times: NDArray[np.int64], arrival_of: Callable[[int], int], ring_chunks: int) -> None:
        self._times, self._arrival_of, self._ring_chunks = times, arrival_of, ring_chunks
        self._number, self._arrived, self._total = 0, 0, len(times)

    def head(self, now_ns: int) -> Optional[int]:
        while self._arrived < self._total and self._arrival_of(self._arrived) <= now_ns:
            self._arrived += 1
        while self._number < self._arrived - self._ring_chunks:
            _drop(self._times, self._number, self._arrival_of(self._number))
            self._number += 1
        return self._number if self._number < self._total else None

    def take(self) -> None:
        self._number += 1


class _WithoutNewest:
    def __init__(self, times: NDArray[np.int64], arrival_of: Callable[[int], int], ring_chunks: int) -> None:
        self._times, self._arrival_of, self._ring_chunks = times, arrival_of, ring_chunks
        self._waiting: Deque[int] = deque()
        self._coming, self._total = 0, len(times)

    def head(self, now_ns: int) -> Optional[int]:
        while self._coming < self._total and self._arrival_of(self._coming) <= now_ns:
            if len(self._waiting) < self._ring_chunks:
                self._waiting.append(self._coming)
            else:
                _drop(self._times, self._coming, self._arrival_of(self._coming))
            self._coming += 1
        if self._waiting:
            return self._waiting[0]
        return self._coming if self._coming < self._total else None

    def take(self) -> None:
        if self._waiting:
            self._waiting.popleft()
        else:
            self._coming += 1


def in_turn(
    rings: Sequence[Ring], arrivals: Sequence[Callable[[int], int]], now: Callable[[], int]
) -> Iterator[Tuple[int, int]]:
    """(stream, chunk) in the order in which one server takes them: of all heads the one that arrived, or arrives,
    first. Asked for the next one when the last is done.
    """
    heads = [(arrivals[stream](head), stream) for stream, ring in enumerate(rings) for head in _head(ring, now())]
    heapify(heads)
    while heads:
        arrival_ns, stream = heads[0]
        head = rings[stream].head(now())
        if head is None:
            heappop(heads)
        elif arrivals[stream](head) > arrival_ns:
            # What was its head has been served or dropped since: others may come before the one that it has now.
            heapreplace(heads, (arrivals[stream](head), stream))
        else:
            rings[stream].take()
            yield stream, head


def _head(ring: Ring, now_ns: int) -> List[int]:
    head = ring.head(now_ns)
    return [] if head is None else [head]


def _drop(times: NDArray[np.int64], number: int, arrival_ns: int) -> None:
    times[number] = wire.NEVER_NS
    times[number, wire.ARRIVAL] = arrival_ns


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
