"""A session's journal: one event a line in ``events.jsonl``, appended by the session and by its watchdog.

The last event is ``finished`` or ``failed``; both carry ``{"result": RunResult}``.
"""

import errno
import fcntl
import json
import os
import time
from typing import Any, Callable, Dict, Optional

from agents import durable

LAST_KINDS = ("finished", "failed")
# Room that is given back when the disk is full, so that the reason can still be written.
RESERVE_BYTES = 16 << 10


class Journal:
    """Appends whole lines to ``events.jsonl`` in ``folder``. Two processes may hold one journal."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "events.jsonl")
        self._reserve = os.path.join(folder, "reserve")

    def reserve(self) -> None:
        """Set room aside for the last event. Raises OSError where the disk is full already."""
        durable.write_file(self._reserve, b"\0" * RESERVE_BYTES)

    def append(
        self, kind: str, data: Dict[str, Any], *, sync: bool = True, unless: Callable[[], bool] = lambda: False
    ) -> bytes:
        """Write one event, whole or not at all, and return its line. Raises OSError.

        ``unless`` is asked once no other process can write: True means that nothing is written.
        """
        line = event_line(kind, data)
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if unless():
                return b""
            before_bytes = _whole_lines_bytes(fd, self.path)
            try:
                written = os.write(fd, line)
                if written != len(line):
                    raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes were written to {self.path}")
                if sync:
                    os.fsync(fd)
            except OSError:
                os.ftruncate(fd, before_bytes)
                raise
        finally:
            os.close(fd)
        return line

    def append_last(self, kind: str, data: Dict[str, Any]) -> bytes:
        """Write the last event, giving up the reserved room where the disk is full. Raises OSError."""
        try:
            return self.append(kind, data)
        except OSError as error:
            if not durable.is_full_disk(error) or not durable.remove(self._reserve):
                raise
        return self.append(kind, data)

    def release(self) -> None:
        """Give the reserved room back."""
        durable.remove(self._reserve)

    def last_event(self) -> Optional[Dict[str, Any]]:
        """The ``finished`` or ``failed`` event, None while there is none."""
        try:
            with open(self.path, "rb") as file:
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return None
        # A reader may see the first part of a line that is being written.
        if not lines or not lines[-1].endswith(b"\n") or not is_last(lines[-1]):
            return None
        event: Dict[str, Any] = json.loads(lines[-1])
        return event


def _whole_lines_bytes(fd: int, path: str) -> int:
    """Size of the journal, after cutting off the part of a line that a device left when its power went."""
    size_bytes = os.fstat(fd).st_size
    with open(path, "rb") as file:
        if not size_bytes or os.pread(file.fileno(), 1, size_bytes - 1) == b"\n":
            return size_bytes
        size_bytes = file.read().rfind(b"\n") + 1
    os.ftruncate(fd, size_bytes)
    return size_bytes


def event_line(kind: str, data: Dict[str, Any]) -> bytes:
    """The bytes of one event, newline included; the same on the wire and in the journal."""
    return (json.dumps({"kind": kind, "t_ns": time.monotonic_ns(), "data": data}) + "\n").encode()


def is_last(line: bytes) -> bool:
    """True for the line of a ``finished`` or ``failed`` event; False for a part of a line."""
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return isinstance(event, dict) and event.get("kind") in LAST_KINDS
