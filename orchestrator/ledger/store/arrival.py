"""A file of a store arrives: under a name of its own until its hash is right, going on where it was cut."""

import hashlib
import os
from pathlib import Path

from agents.durable import is_full_disk, remove, sync_directory
from orchestrator.errors import StoreError
from orchestrator.ledger.store.base import Store

# A cut link is tried again at once, a file that arrived wrong is fetched anew.
_TRIES = 3
_BLOCK_BYTES = 1 << 20


def get(store: Store, sha256: str, path: Path) -> None:
    """Whole and proven at ``path``, or not there. Nobody else writes there meanwhile (``cache.py`` sees to that).

    Raises StoreError: not in the store, cannot be reached, or not what its name says however often it is fetched.
    """
    part = path.with_name(f".{path.name}.part")
    told = None
    for _ in range(_TRIES):
        try:
            if _arrived(store, sha256, part) == sha256:
                part.replace(path)
                sync_directory(str(path.parent))
                return
            told = StoreError(
                f"file {sha256[:12]} of {store.place} is not what its name says, {_TRIES} times",
                hint="it is damaged there: delete it, and submit what needs it again",
            )
            remove(str(part))
        except StoreError as exc:
            told = exc
        except OSError as exc:
            hint = "free some space there" if is_full_disk(exc) else "may you write there?"
            raise StoreError(f"cannot write {part}: {exc.strerror or exc}", hint=hint) from exc
    assert told is not None
    raise told


def _arrived(store: Store, sha256: str, part: Path) -> str:
    """The hash of all that is in ``part`` now."""
    digest = hashlib.sha256()
    with part.open("a+b") as file:
        file.seek(0)
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
        for block in store.read(sha256, file.tell()):
            file.write(block)
            digest.update(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
