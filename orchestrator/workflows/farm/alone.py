"""One worker in a folder: the kernel drops its lock with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import BadInput

_LOCK = "worker.lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Raises BadInput where another worker works there, with its process id."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            other = os.pread(fd, 20, 0).decode(errors="replace").strip()
            raise BadInput(
                f"a worker works in {folder} already{f', process {other}' if other else ''}",
                hint="end that one, or give this one another folder with --results",
            ) from exc
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
