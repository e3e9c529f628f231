"""A simulated device whose miss rate by the number of streams is known."""

from collections.abc import Callable

import numpy as np

from orchestrator.decide.capacity.search import StreamsQuestion, StreamsSearch
from orchestrator.domain.streams_held import StreamsRun

CHUNKS = 250


def run_of(streams: int, miss_rate: float, *, busy: float = 0.0, grows: bool = False, **facts: str) -> StreamsRun:
    chunks = CHUNKS * streams
    return StreamsRun(f"s{streams}", streams, chunks, round(miss_rate * chunks), grows, busy, 5.0, None, **facts)


def sharp(truth: int) -> Callable[[int], float]:
    """No miss up to ``truth`` streams, most chunks late beyond."""
    return lambda streams: 0.0 if streams <= truth else 0.6


class Simulated:
    """``curve`` gives the true miss rate; ``noise`` is the deviation of a run's own rate from it. ``busy_at_one``: the
    load that one stream seems to be, from which the first guess follows.
    """

    def __init__(
        self, curve: Callable[[int], float], *, busy_at_one: float = 0.05, noise: float = 0.0, seed: int = 0
    ) -> None:
        self._curve, self._busy, self._noise = curve, busy_at_one, noise
        self._rng = np.random.default_rng(seed)
        self.asked: list[int] = []

    def run(self, streams: int) -> StreamsRun:
        self.asked.append(streams)
        own = self._curve(streams) + self._noise * float(self._rng.standard_normal())
        rate = float(self._rng.binomial(CHUNKS * streams, min(1.0, max(0.0, own)))) / (CHUNKS * streams)
        return run_of(streams, rate, busy=self._busy * streams, grows=rate > 0.3)

    def search(self, most_streams: int = 128, **question: float) -> StreamsSearch:
        """The whole search."""
        search = StreamsSearch(StreamsQuestion(most_streams, **question))  # type: ignore[arg-type]
        while (streams := search.ask()) is not None:
            search.tell(self.run(streams))
        return search

    @property
    def numbers(self) -> list[int]:
        """That were tried, each once."""
        return sorted(set(self.asked))
