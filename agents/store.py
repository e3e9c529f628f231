"""The device's store below the agent's root: ``incoming/`` for uploads, ``blobs/<sha256><suffix>``, ``sessions/<id>/``.

The controller lays blobs, and the agent's archives ``agent-<sha>.zip``, there by itself; here they are proven and used.
"""

import hashlib
import os
import re
import time
from typing import List

from agents import durable

_ARCHIVE = re.compile(r"agent-[0-9a-f]+\.zip")
_READ_BYTES = 1 << 20
# An upload that has not grown for this long belongs to a controller that is gone.
STALE_UPLOAD_S = 600.0


class BadRequest(ValueError):
    """What the controller asked for cannot be right; the message names it."""


class BlobMismatch(BadRequest):
    """A stored file is not what its name says."""


def sha256_of(path: str) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_READ_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


class Store:
    """Paths below ``root``."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(os.path.expanduser(root))
        self.blobs = os.path.join(self.root, "blobs")
        self.sessions = os.path.join(self.root, "sessions")

    def open_blob(self, sha256: str, suffix: str, size_bytes: int) -> str:
        """Path of a blob whose bytes were just proven. Raises BlobMismatch, after deleting a blob that has changed."""
        path = os.path.join(self.blobs, sha256 + suffix)
        found_bytes = durable.size_of(path)
        if found_bytes is None:
            raise BlobMismatch(f"no blob {sha256 + suffix} in {self.blobs}: push it again")
        found = sha256_of(path)
        if found != sha256 or found_bytes != size_bytes:
            durable.remove(path)
            raise BlobMismatch(
                f"blob {sha256 + suffix} was altered on the device: its sha256 is {found}, {found_bytes} bytes; "
                "it was deleted, push it again"
            )
        return path

    def clean_blobs(self) -> List[str]:
        """Delete all blobs, and uploads that nobody goes on with; returns their names."""
        removed = [name for name in self._names("blobs") if durable.remove(os.path.join(self.root, name))]
        return removed + [name for name in self._names("incoming") if self._remove_stale(name)]

    def clean_archives(self) -> List[str]:
        """Delete the agent's archives, but not the one that this process runs from; returns their names.

        A session imports from its archive while it runs: ask only where none does.
        """
        running = os.path.realpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        paths = [(name, os.path.join(self.root, name)) for name in self._names("") if _ARCHIVE.fullmatch(name)]
        return [name for name, path in paths if os.path.realpath(path) != running and durable.remove(path)]

    def _names(self, folder: str) -> List[str]:
        path = os.path.join(self.root, folder)
        return [os.path.join(folder, name) for name in sorted(os.listdir(path))] if os.path.isdir(path) else []

    def _remove_stale(self, name: str) -> bool:
        path = os.path.join(self.root, name)
        try:
            idle_s = time.time() - os.stat(path).st_mtime
        except FileNotFoundError:
            return False
        return idle_s > STALE_UPLOAD_S and durable.remove(path)
