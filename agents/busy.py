"""Children that keep cores busy until they are ended, or their parent ends."""

import os
import signal
from typing import List

from agents.clock import die_with_parent

_MOST_DESCRIPTORS = 4096


def start_busy(count: int) -> List[int]:
    """Pids of ``count`` children, each with a core of its own as far as there are so many."""
    return [_busy() for _ in range(count)]


def end_busy(pids: List[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _busy() -> int:
    pid = os.fork()
    if pid == 0:
        die_with_parent(signal.SIGKILL)
        # Somebody may wait for the end of a pipe that was open here.
        os.closerange(3, _MOST_DESCRIPTORS)
        while True:
            pass
    return pid
