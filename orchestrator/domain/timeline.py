"""What a session's raw times say: latency, service time, backlog, RTF. Pure functions of the array ``t_ns``.

Symbols are those of docs/measurement.md: a_k intended arrival, s_k service could start, d_k output ready.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents import wire

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """``t_ns`` int64, shape (n, 5), columns ``agents.wire.TIME_COLUMNS``; ``chunk_ns`` is C.

    Column ``arrival`` of a flat-out session is the moment from which the next chunk could be served.
    ``previous_done_ns`` is d_{k-1} of the first row where chunks before it were cut off. ``deadline_ns``: a chunk with
    a longer latency is a miss; None: C.

    A chunk that the ring dropped (``agents.wire.NEVER_NS`` after its arrival) is a miss whose latency is NEVER_NS, so
    that it is the slowest in every percentile. It was not served: it has no service time and no lateness.
    Raises ValueError for another shape, an empty session, times that run backwards or a chunk before its arrival.
    """

    t_ns: Int64
    chunk_ns: int
    paced: bool
    previous_done_ns: int | None = None
    deadline_ns: int | None = None

    def __post_init__(self) -> None:
        if self.t_ns.ndim != 2 or self.t_ns.shape[1] != len(wire.TIME_COLUMNS) or not len(self.t_ns):
            raise ValueError(f"t_ns must have shape (n, {len(wire.TIME_COLUMNS)}) with n > 0, got {self.t_ns.shape}")
        if self.chunk_ns <= 0:
            raise ValueError(f"chunk_ns must be > 0, got {self.chunk_ns}")
        t = self._rows
        if not len(t):
            raise ValueError("a session serves one chunk at least, got only dropped ones")
        if (t[:, wire.ISSUE + 1 :] < t[:, wire.ISSUE : -1]).any() or (t[1:, wire.DONE] < t[:-1, wire.DONE]).any():
            raise ValueError("times of a session must not run backwards")
        early = np.flatnonzero(self.t_ns[:, wire.ISSUE] < self.t_ns[:, wire.ARRIVAL])
        if len(early):
            raise ValueError(f"a chunk must not be issued before it arrives, got that at row {early[0]}")

    def __len__(self) -> int:
        return len(self.t_ns)

    def after(self, skip: int) -> "Timeline":
        """The same session without its first ``skip`` served chunks (warm-up)."""
        if skip == 0:
            return self
        row = int(np.flatnonzero(self.served)[skip])
        return replace(self, t_ns=self.t_ns[row:], previous_done_ns=int(self.done_ns[skip - 1]))

    @cached_property
    def served(self) -> NDArray[np.bool_]:
        """Which chunks were not dropped, shape (n,)."""
        return np.asarray(self.t_ns[:, wire.DONE] != wire.NEVER_NS)

    @cached_property
    def _rows(self) -> Int64:
        """Of the served chunks; all of the array, and no copy of it, where none was dropped."""
        return self.t_ns if self.served.all() else self.t_ns[self.served]

    @property
    def arrival_ns(self) -> Int64:
        """a_k of every chunk."""
        return self.t_ns[:, wire.ARRIVAL]

    @property
    def done_ns(self) -> Int64:
        """d_k of every chunk that was served."""
        return self._rows[:, wire.DONE]

    @cached_property
    def start_ns(self) -> Int64:
        """s_k: when service could start.

        Paced: max(a_k, d_{k-1}). Flat-out, where the next chunk is always there: column ``arrival``, which is d_{k-1}
        except after a check of the outputs that the harness made between two chunks.
        """
        arrival_ns = self._rows[:, wire.ARRIVAL]
        if not self.paced:
            return arrival_ns
        free = np.empty_like(self.done_ns)
        free[0] = arrival_ns[0] if self.previous_done_ns is None else self.previous_done_ns
        free[1:] = self.done_ns[:-1]
        return np.maximum(arrival_ns, free)

    @property
    def latency_ns(self) -> Int64:
        """L_k = d_k - a_k of every chunk, NEVER_NS of a dropped one.

        Raises ValueError for a flat-out session, which has no arrivals.
        """
        if not self.paced:
            raise ValueError("a flat-out session has no latency: chunks do not arrive, read service_ns")
        latency = self.t_ns[:, wire.DONE] - self.t_ns[:, wire.ARRIVAL]
        return latency if self.served.all() else np.where(self.served, latency, wire.NEVER_NS)

    @property
    def service_ns(self) -> Int64:
        """S_k = d_k - s_k: what the chunk cost, including the pacer's lateness E_k."""
        return self.done_ns - self.start_ns

    @property
    def lateness_ns(self) -> Int64:
        """E_k = actual issue - s_k: the harness's own error."""
        return self._rows[:, wire.ISSUE] - self.start_ns

    def stage_ns(self) -> dict[str, Int64]:
        """Time of each stage per chunk: features, model, decode."""
        issue, features, model, done = (self._rows[:, c] for c in range(wire.ISSUE, wire.DONE + 1))
        return {"features": features - issue, "model": model - features, "decode": done - model}

    @property
    def rtf(self) -> float:
        """Real-time factor, sum(S_k) / (N C) over what was served; lower is better."""
        return float(self.service_ns.sum() / (len(self._rows) * self.chunk_ns))

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Which chunks were later than the deadline, or dropped; shape (n,). Raises ValueError for a flat-out one."""
        return np.asarray(self.latency_ns > (self.deadline_ns or self.chunk_ns))

    @property
    def miss_rate(self) -> float:
        return float(self.missed.mean())

    def backlog_chunks(self) -> Int64:
        """Chunks that had arrived and were not done, seen just before each completion (the one in service counts).

        Of the served ones: what was dropped later is not among those that waited.
        """
        arrived = np.searchsorted(self._rows[:, wire.ARRIVAL], self.done_ns, side="right")
        return arrived - np.arange(len(self._rows))
