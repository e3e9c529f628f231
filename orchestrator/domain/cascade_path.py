"""What the raw arrays of a cascade say: the runs of each stage, and the way of each utterance to its answer."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents import cascade_arrays as at
from agents import wire
from orchestrator.domain.perceived import END, WORDS
from orchestrator.domain.session import Session

Int64 = NDArray[np.int64]
# Columns of ``CascadeTimes.way_ns``: the end of the last word, the arrival of the chunk that ended the utterance and
# when that was heard, the text, the first token of the reply and its last one.
SPOKEN, CLOSING, CLOSED, TEXT, FIRST_TOKEN, LAST_TOKEN = range(6)


@dataclass(frozen=True, eq=False)
class CascadeTimes:
    """Of one session. Raises ValueError where it has no such arrays, or other ones than they must be."""

    session: Session
    sample_rate_hz: int

    def __post_init__(self) -> None:
        arrays = self.session.arrays
        missing = [name for name in (at.TIMES, at.WHOSE, at.UTTERANCES) if name not in arrays]
        if missing:
            why = self.session.result.reason or f"it ran in mode {self.session.planned.mode}"
            raise ValueError(f"session {self.session.session_id} has no {missing[0]}: {why}")
        if (np.diff(self.times[:, at.READY :], axis=1) < 0).any() or (self.times[1:, at.ISSUE] < self._done).any():
            raise ValueError("times of a cascade must not run backwards: one thread serves it in turn")

    @property
    def _done(self) -> Int64:
        return np.asarray(self.times[:-1, at.DONE], dtype=np.int64)

    @property
    def times(self) -> Int64:
        """Of every run, shape (runs, 6), columns of ``agents.cascade_arrays``."""
        return np.asarray(self.session.arrays[at.TIMES], dtype=np.int64)

    @property
    def whose(self) -> NDArray[np.int32]:
        return np.asarray(self.session.arrays[at.WHOSE], dtype=np.int32)

    @property
    def utterances(self) -> Int64:
        return np.asarray(self.session.arrays[at.UTTERANCES], dtype=np.int64).reshape(-1, at.TEXT + 1)

    def of_stage(self, stage: int) -> Int64:
        """Rows of ``times``."""
        return np.asarray(self.times[self.whose[:, at.STAGE] == stage], dtype=np.int64)

    def latency_ns(self, stage: int) -> Int64:
        """From when each run could first have been asked for to its end: what waited for the server is in it."""
        rows = self.of_stage(stage)
        return np.asarray(rows[:, at.DONE] - rows[:, at.READY])

    def service_ns(self, stage: int) -> Int64:
        rows = self.of_stage(stage)
        return np.asarray(rows[:, at.DONE] - rows[:, at.ISSUE])

    @cached_property
    def begin_ns(self) -> int:
        """When the stream's first sample began to be."""
        chunk_ns = self.session.planned.candidate.chunk_samples * 1_000_000_000 // self.sample_rate_hz
        return int(self.of_stage(0)[0, at.ARRIVAL]) - chunk_ns

    @cached_property
    def lateness_ns(self) -> Int64:
        """The harness's own error in each run: its issue after it was ready and the server was free."""
        free = np.concatenate([[0], self._done])
        return np.asarray(self.times[:, at.ISSUE] - np.maximum(self.times[:, at.READY], free))

    @cached_property
    def backlog_chunks(self) -> Int64:
        """Of the first stage: chunks that had arrived and were not done, at each of its chunks' ends."""
        rows = self.of_stage(0)
        arrived = np.searchsorted(rows[:, at.ARRIVAL], rows[:, at.DONE], side="right")
        return np.asarray(arrived - np.arange(1, len(rows) + 1))

    @cached_property
    def ended(self) -> Int64:
        """Numbers of the utterances that ended and were understood before the session did."""
        done = (self.utterances[:, at.END] != at.OPEN_END) & (self.utterances[:, at.TEXT] < wire.NEVER_NS)
        return np.flatnonzero(done)

    @cached_property
    def way_ns(self) -> Int64:
        """Of each ended utterance, shape (n, 6); ``wire.NEVER_NS`` where it has no such moment."""
        return np.array([self._way(int(number)) for number in self.ended], dtype=np.int64).reshape(-1, LAST_TOKEN + 1)

    def _way(self, number: int) -> list[int]:
        row = self.utterances[number]
        first, last = self._reply(number)
        return [self._spoken_ns(row), *row[[at.CLOSE_ARRIVAL, at.CLOSED, at.TEXT]].tolist(), first, last]

    def _reply(self, number: int) -> tuple[int, int]:
        """When its first and its last token were there: the first one comes with the prompt's last."""
        own = (self.whose[:, at.STAGE] == 2) & (self.whose[:, at.UTTERANCE] == number)
        kinds, done = self.whose[own, at.KIND], self.times[own, at.DONE]
        if not (kinds == at.PROMPT).any():
            return wire.NEVER_NS, wire.NEVER_NS
        return int(done[kinds == at.PROMPT].max()), int(done.max())

    def _spoken_ns(self, row: Int64) -> int:
        """When its last word ended; NEVER_NS where none did within it."""
        words = self.session.arrays.get(WORDS)
        if words is None or not len(words):
            return wire.NEVER_NS
        begin, end = (int(row[column]) * 1_000_000_000 // self.sample_rate_hz for column in (at.BEGIN, at.END))
        within = words[(words[:, END] > begin) & (words[:, END] <= end), END]
        return self.begin_ns + int(within.max()) if len(within) else wire.NEVER_NS


def between(way_ns: Int64, begin: int, end: int) -> Int64:
    """The waits from one column of ``way_ns`` to another, of the utterances that have both."""
    both = (way_ns[:, begin] < wire.NEVER_NS) & (way_ns[:, end] < wire.NEVER_NS)
    return np.asarray(way_ns[both, end] - way_ns[both, begin])
