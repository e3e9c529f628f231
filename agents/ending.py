"""How a session ended that could not say so itself."""

import os
import signal
from typing import Optional

from agents import wire
from agents.claim import SessionFolder
from agents.journal import RESERVE_BYTES

LOST = "the session's processes ended without a result (killed, or out of memory)"
RESTARTED = "the device restarted while the session ran"


def lost(folder: SessionFolder, how: str = LOST) -> wire.RunResult:
    """The result of a session that could not write its own; ``how`` it ended, and the tail of its log."""
    tail = folder.log_tail()
    reason = how + (f"; its log ends: {tail}" if tail else "; its log is empty")
    status = os.statvfs(folder.path)
    free_bytes = status.f_bavail * status.f_frsize
    if free_bytes < RESERVE_BYTES:
        return wire.failed(folder.session_id, "disk-full", f"{free_bytes} bytes are free below {folder.path}: {reason}")
    return wire.failed(folder.session_id, "killed", reason)


def how_it_ended(status: int, process: str = "the session's process") -> Optional[str]:
    """From a status of waitpid; None for exit code 0."""
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        hint = " (out of memory, or killed by someone)" if name == "SIGKILL" else ""
        return f"{process} was ended by {name}{hint}"
    code = os.WEXITSTATUS(status)
    return None if code == 0 else f"{process} ended with exit code {code} and no result"
