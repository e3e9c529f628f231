"""What ties a session's three processes together: watchdog, session, sampler."""

import contextlib
import os
import select
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Links:
    """``progress[0]`` counts the chunks done; ``progress[1]`` is 1 from before the last event is written, so that no
    progress can follow it; ``progress[2]`` is t0 of a paced stream in ns, 0 before it.
    """

    progress: memoryview
    stop_sampler_fd: Optional[int] = None
    sampler_ended_fd: Optional[int] = None

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
