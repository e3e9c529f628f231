"""Prints a session's journal as it grows, until its last event. Whoever follows also notices that the session died."""

import os
import select
import time
from typing import Callable, Optional

from agents import durable, leftovers, strict_json, wire
from agents.claim import SessionFolder
from agents.ending import LOST, RESTARTED, lost
from agents.journal import event_line, is_last
from agents.store import BadRequest

POLL_S = 0.2
# Until the model is loaded nothing is measured, and somebody waits for the first chunk.
LOADING_POLL_S = 0.01
LINGER_S = 2.0


def follow(folder: SessionFolder, from_byte: int, write: Callable[[bytes], None], wake_fd: Optional[int]) -> int:
    """Pass on whole lines from ``from_byte`` on; returns the exit code of ``agent run``.

    ``wake_fd`` becomes readable when the session ends, so that its end is seen at once. Raises BrokenPipeError where
    nobody reads any more; the session goes on.
    """
    size_bytes = durable.size_of(folder.journal.path) or 0
    if not 0 <= from_byte <= size_bytes:
        raise BadRequest(f"from_byte must be in 0..{size_bytes} (the journal's size), got {from_byte}")
    reader = _Reader(folder, from_byte)
    while True:
        code = reader.pass_on(write)
        if code is None and not reader.grew:
            code = _close_if_dead(folder, reader, write)
        if code is not None:
            _wait_for_end(folder)
            return code
        if not reader.grew:
            wake_fd = _pause(wake_fd, POLL_S if reader.is_loaded else LOADING_POLL_S)


class _Reader:
    """Position in a journal that another process appends to."""

    def __init__(self, folder: SessionFolder, from_byte: int) -> None:
        self._journal = folder.journal
        self._position = from_byte
        self.grew = False
        self.is_loaded = False

    def pass_on(self, write: Callable[[bytes], None]) -> Optional[int]:
        """Write the lines that are new; the exit code where the last event was among them, or before them."""
        with open(self._journal.path, "rb") as file:
            file.seek(self._position)
            lines = [line for line in file.readlines() if line.endswith(b"\n")]
        self.grew = bool(lines)
        for line in lines:
            write(line)
            self._position += len(line)
            self.is_loaded |= b'"kind": "loaded"' in line
            if is_last(line):
                return exit_code(line)
        if not lines:
            last = self._journal.last_event()
            if last is not None and self._position >= (durable.size_of(self._journal.path) or 0):
                return _code_of(last["kind"])
        return None


def _close_if_dead(folder: SessionFolder, reader: _Reader, write: Callable[[bytes], None]) -> Optional[int]:
    with folder.unless_running() as dead:
        if not dead:
            return None
        code = reader.pass_on(write)
        if code is not None or reader.grew:
            return code
        leftovers.end_orphans(folder.lock)
        result = lost(folder, RESTARTED if leftovers.restarted_since(folder.lock) else LOST)
        try:
            folder.journal.append_last("failed", {"result": strict_json.to_json(result)})
        except OSError as error:
            if not durable.is_full_disk(error):
                raise
            result = wire.failed(folder.session_id, "disk-full", f"the journal cannot be written: {error}; {LOST}")
            write(event_line("failed", {"result": strict_json.to_json(result)}))
            return wire.EXIT_SESSION_FAILED
    return reader.pass_on(write)


def exit_code(line: bytes) -> int:
    """The exit code that belongs to the line of a last event."""
    import json

    return _code_of(json.loads(line)["kind"])


def _code_of(kind: str) -> int:
    return wire.EXIT_OK if kind == "finished" else wire.EXIT_SESSION_FAILED


def _wait_for_end(folder: SessionFolder) -> None:
    """Give the watchdog and the sampler a moment to end, so that they cannot disturb the next session."""
    give_up_s = time.monotonic() + LINGER_S
    while time.monotonic() < give_up_s:
        with folder.unless_running() as ended:
            if ended:
                return
        time.sleep(0.005)


def _pause(wake_fd: Optional[int], poll_s: float) -> Optional[int]:
    """Wait for the session's end or the next poll; returns the descriptor while it is of use."""
    if wake_fd is None:
        time.sleep(POLL_S)
        return None
    readable, _, _ = select.select([wake_fd], [], [], poll_s)
    if readable:
        os.close(wake_fd)
        return None
    return wake_fd
