"""What ties a session's three processes together: watchdog, session, sampler."""

import contextlib
import os
import select
from dataclasses import dataclass
from typing import Optional

# Cells of ``Links.progress``.
DONE, ENDING, STARTED_NS, WATCHDOG_CPU_NS, WATCHDOG_RSS, STREAMS = range(6)


def shared_bytes(streams: int) -> int:
    """What all cells take."""
    return (STREAMS + streams) * 8


@dataclass(frozen=True)
class Watchdog:
    """CPU time since its start, and RSS; None where nothing watches."""

    cpu_ns: Optional[int]
    rss_bytes: Optional[int]


@dataclass(frozen=True)
class Links:
    """``progress[DONE]`` counts the chunks done; ``progress[ENDING]`` is 1 from before the last event is written, so
    that no progress can follow it; ``progress[STARTED_NS]`` is t0 of a paced stream, 0 before it. The next two are
    what the watchdog has cost: its CPU time in ns and its RSS in bytes, 0 where nothing watches. From ``STREAMS`` on,
    chunks done by each stream that has a process of its own; they are not in ``DONE``.
    """

    progress: memoryview
    stop_sampler_fd: Optional[int] = None
    sampler_ended_fd: Optional[int] = None

    def watchdog(self) -> "Watchdog":
        """What the watchdog has cost so far, as it said last (agents/supervise.py: every 0.25 s)."""
        if len(self.progress) <= WATCHDOG_RSS or not self.progress[WATCHDOG_RSS]:
            return Watchdog(None, None)
        return Watchdog(self.progress[WATCHDOG_CPU_NS], self.progress[WATCHDOG_RSS])

    def stop_sampler(self, timeout_s: float = 5.0) -> bool:
        """Tell the sampler to end and wait for its file; False where there is none or it does not answer."""
        if self.stop_sampler_fd is None or self.sampler_ended_fd is None:
            return False
        # A word, because a process that the runtime has forked may hold the descriptor open too.
        with contextlib.suppress(BrokenPipeError):  # It was killed: what it has written is read all the same.
            os.write(self.stop_sampler_fd, b"\n")
        os.close(self.stop_sampler_fd)
        readable, _, _ = select.select([self.sampler_ended_fd], [], [], timeout_s)
        return bool(readable)
