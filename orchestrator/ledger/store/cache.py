"""A site's copies of a store's files: fetched once, proven when they arrive, and looked at when they are used."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.durable import remove
from orchestrator.errors import StoreError
from orchestrator.ledger.store.arrival import get
from orchestrator.ledger.store.base import Store, digest_of

# The time of change that a proven file is given (2001-09-09): whoever writes to it changes that, and it is proven
# again before it is used. Even seconds, which every file system keeps.
_PROVEN_NS = 1_000_000_000 * 10**9
_READ_ONLY = 0o444


class Cache:
    """``<folder>/<two digits>/<sha256>``, safe for several threads and processes. ``store`` None: only what is here.

    Every method raises StoreError.
    """

    def __init__(self, folder: Path, store: Store | None) -> None:
        self.folder, self.store = folder, store

    def path(self, sha256: str) -> Path:
        """Of the file, whole and proven; it is fetched where it is not here. It must not be written to."""
        path = self._path(sha256)
        if _proven(path):
            return path
        with self._only_one(sha256):
            if not self._is_right(path, sha256):
                if self.store is None:
                    raise StoreError(f"there is no file {sha256[:12]} in {self.folder}, and no store to ask")
                get(self.store, sha256, path)
                _seal(path)
        return path

    def holds(self, sha256: str) -> bool:
        """Whether it can be used without asking the store."""
        return _proven(self._path(sha256))

    def keep(self, path: Path) -> str:
        """A file that was made here is copied into the cache; its SHA-256."""
        sha256, _ = digest_of(path)
        target = self._path(sha256)
        with self._only_one(sha256):
            if not self._is_right(target, sha256):
                part = target.with_name(f".{sha256}.part")
                _copied(path, part)
                if digest_of(part)[0] != sha256:
                    remove(str(part))
                    raise StoreError(f"{path} changed while it was read", hint="run the same command again")
                part.replace(target)
                _seal(target)
        return sha256

    def place(self, sha256: str, target: Path) -> None:
        """A copy under another name: onnx refuses files that have two. What is there already and right stays, and needs
        no store.
        """
        if self._is_right(target, sha256):
            return
        source, part = self.path(sha256), target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copied(source, part)
            _seal(part)
            part.replace(target)
        except OSError as exc:
            raise StoreError(f"cannot write {target}: {exc.strerror or exc}", hint="is there room?") from exc
        finally:
            remove(str(part))

    def _is_right(self, path: Path, sha256: str) -> bool:
        """One that changed since it was proven is proven again, or removed."""
        if not path.is_file():
            return False
        if _proven(path):
            return True
        if digest_of(path)[0] == sha256:
            _seal(path)
            return True
        remove(str(path))
        return False

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    @contextmanager
    def _only_one(self, sha256: str) -> Iterator[None]:
        """One fetches it, the others wait for that."""
        try:
            self._path(sha256).parent.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / sha256[:2] / ".lock").open("wb")
        except OSError as exc:
            raise StoreError(f"cannot write {self.folder}: {exc.strerror or exc}", hint="may you write there?") from exc
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _proven(path: Path) -> bool:
    try:
        return path.stat().st_mtime_ns == _PROVEN_NS
    except OSError:
        return False


def _seal(path: Path) -> None:
    path.chmod(_READ_ONLY)
    os.utime(path, ns=(path.stat().st_atime_ns, _PROVEN_NS))


def _copied(path: Path, target: Path) -> None:
    try:
        with path.open("rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as exc:
        raise StoreError(f"cannot write {target}: {exc.strerror or exc}", hint="is there room?") from exc
