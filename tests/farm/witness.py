"""Who sees each session begin on a device, whatever its journals say afterwards: the kernel (inotify(7)).

A session's folder is renamed into place when it is claimed, and away when it is forgotten. A session that was run,
forgotten and run again leaves one journal behind, and two claims here.
"""

import ctypes
import os
import select
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from agents import wire

_LIBC = ctypes.CDLL(None, use_errno=True)
_MOVED_TO = 0x80
# struct inotify_event: wd, mask, cookie, len; then the name.
_HEAD = struct.Struct("iIII")
_READ_BYTES = 1 << 16


class Witness:
    """Watches ``sessions/`` of each device from now until ``end``."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._claims: Counter[tuple[str, str]] = Counter()
        self._events = _LIBC.inotify_init1(os.O_CLOEXEC)
        self._devices = {self._watch(root / "sessions"): name for name, root in roots.items()}
        self._told_to_end, self._tell = os.pipe()
        self._thread = threading.Thread(target=self._look, name="witness", daemon=True)
        self._thread.start()

    def claims(self) -> Counter[tuple[str, str]]:
        """How often each session was begun: (device, session id) -> times."""
        return self._claims.copy()

    def end(self) -> None:
        os.close(self._tell)
        self._thread.join()
        os.close(self._events)
        os.close(self._told_to_end)

    def _watch(self, folder: Path) -> int:
        number = int(_LIBC.inotify_add_watch(self._events, str(folder).encode(), _MOVED_TO))
        if number < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {folder}")
        return number

    def _look(self) -> None:

        while True:
            ready, _, _ = select.select([self._events, self._told_to_end], [], [])
            if self._events not in ready:
                return
            self._take(os.read(self._events, _READ_BYTES))

    def _take(self, data: bytes) -> None:
        while data:
            number, _, _, length = _HEAD.unpack_from(data)
            name = data[_HEAD.size : _HEAD.size + length].rstrip(b"\0").decode()
            data = data[_HEAD.size + length :]
            if wire.is_session_id(name):
                self._claims[self._devices[number], name] += 1
