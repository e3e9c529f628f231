"""What a quantizer sees: the feeds of real streams, with the state that real audio leaves behind."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import BadAudio, ExportFailed
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import Feeds, Runnable, chunk_inputs, feeds_of, open_graph
from orchestrator.make.models.stepping_module import ModuleGraph

DEFAULT_FEEDS = 200


@dataclass(frozen=True, eq=False)
class CalibrationStream:
    """``utterances``: mono int16 at the model's rate, each a stream of its own. ``max_feeds`` chunks are drawn from all
    of theirs with ``seed``. Raises BadAudio for anything else."""

    utterances: tuple[NDArray[np.int16], ...]
    max_feeds: int = DEFAULT_FEEDS
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.utterances:
            raise BadAudio("calibration needs at least one utterance")
        for i, samples in enumerate(self.utterances):
            if samples.dtype != np.int16 or samples.ndim != 1 or not len(samples):
                raise BadAudio(f"calibration utterance {i} must be mono int16, got {samples.dtype} {samples.shape}")
        if self.max_feeds < 1:
            raise BadAudio(f"max_feeds must be > 0, got {self.max_feeds}")

    @cached_property
    def sha256(self) -> str:
        """Over the audio and how it is sampled. With the source's hash it fixes every feed."""
        digest = hashlib.sha256(json.dumps([self.max_feeds, self.seed]).encode())
        for samples in self.utterances:
            digest.update(len(samples).to_bytes(8, "little"))
            digest.update(np.ascontiguousarray(samples, dtype="<i2").tobytes())
        return digest.hexdigest()

    def feeds(self, source: ModelSource) -> list[Feeds]:
        """Input, carried states and constants of the drawn chunks, in stream order, as the fp32 graph met them.

        Raises ExportFailed where no utterance holds a whole chunk.
        """
        chunk = source.contract.chunk_samples
        total = sum(len(u) // chunk for u in self.utterances)
        if total == 0:
            raise ExportFailed(
                f"no calibration utterance holds a chunk of {chunk} samples",
                hint="calibrate with longer recordings",
            )
        wanted = self._drawn([len(u) // chunk for u in self.utterances])
        return [f for i, f in enumerate(self._all_feeds(source, chunk)) if i in wanted]

    def _drawn(self, counts: list[int]) -> set[int]:
        """Which chunks, counted over all utterances. A quarter are starts of streams: only there the state is fresh,
        and a range that never saw it clips the first outputs of every stream."""
        rng = np.random.default_rng(self.seed)
        starts = np.cumsum([0, *counts])[:-1][np.array(counts) > 0]
        first = [int(i) for i in rng.permutation(starts)[: max(1, self.max_feeds // 4)]]
        rest = [int(i) for i in rng.permutation(sum(counts)) if i not in set(first)]
        return set((first + rest)[: self.max_feeds])

    def _all_feeds(self, source: ModelSource, chunk: int) -> Iterator[Feeds]:
        session = _opened(source)
        for samples in self.utterances:
            for feeds, _ in feeds_of(session, source.contract, chunk_inputs(source.contract, samples, chunk)):
                yield feeds


def _opened(source: ModelSource) -> Runnable:
    if source.has_graph:
        return open_graph(source.graph_path)
    return ModuleGraph(source.needed_module(), source.contract)


class FeedReader:
    """The interface that onnxruntime's calibrators read: one feed after the other, then None."""

    def __init__(self, feeds: Sequence[Feeds]) -> None:
        self._feeds = feeds
        self._next = 0

    def get_next(self) -> Feeds | None:
        if self._next >= len(self._feeds):
            return None
        self._next += 1
        return self._feeds[self._next - 1]
