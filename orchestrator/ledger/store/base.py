"""What every store of files can do, and what a file is called there."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.errors import StoreError

# What is put again within this time was put just now: nothing that old is pruned.
FRESH_S = 24 * 3600.0
_BLOCK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Held:
    """A file of a store. ``put_utc_s``: seconds since 1970, when it was put there last; None: the store cannot tell."""

    sha256: str
    size_bytes: int
    put_utc_s: float | None


class Store(Protocol):
    """Whole files only: one that was half put is not there. Every method raises StoreError where the store cannot be
    reached, or does not allow it.
    """

    @property
    def place(self) -> str:
        """For people."""

    def has(self, sha256: str) -> bool: ...

    def put(self, path: Path) -> str:
        """Its SHA-256. What is there already is not sent again; what was cut off goes on where it can."""

    def read(self, sha256: str, start: int) -> Iterator[bytes]:
        """From byte ``start`` on, in blocks. What arrives is believed once its hash is right (``arrival.get``).

        Raises StoreError where there is no such file.
        """

    def held(self) -> Iterator[Held]:
        """All files."""

    def delete(self, sha256: str) -> None:
        """It is not there afterwards."""


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file here. Raises StoreError where it cannot be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
    except OSError as exc:
        raise StoreError(f"cannot read {path}: {exc.strerror or exc}") from exc
    return digest.hexdigest(), size


def is_sha256(text: str) -> bool:
    return _SHA256.fullmatch(text) is not None


def absent(sha256: str, where: str) -> StoreError:
    return StoreError(
        f"there is no file {sha256[:12]} in {where}",
        hint="it was pruned, or never got there: submit what needs it again",
    )
