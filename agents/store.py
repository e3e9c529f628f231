"""The device's store below the agent's root: ``incoming/`` for uploads, ``blobs/<sha256><suffix>``, ``sessions/<id>/``.

Imports little, because ``have`` is asked before each push and must answer at once.
"""

import os
import re
from typing import Any, Dict, List

from agents import durable

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"(\.[a-z0-9]+)*")
_INCOMING = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_READ_BYTES = 1 << 20


class BadRequest(ValueError):
    """What the controller asked for cannot be right; the message names it. ``detail`` travels beside it as JSON."""

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.detail = detail


class BlobMismatch(BadRequest):
    """An uploaded or stored file is not what its name says."""


def _blob_name(blob: Any) -> str:
    # The same rules as wire.Blob, without its import.
    if not isinstance(blob, dict) or not {"sha256", "size_bytes"} <= set(blob) <= {"sha256", "size_bytes", "suffix"}:
        raise BadRequest(f"a blob has sha256, size_bytes and suffix, got {blob!r}")
    sha256, size_bytes, suffix = blob["sha256"], blob["size_bytes"], blob.get("suffix", "")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise BadRequest(f"sha256 must be 64 hex digits, got {sha256!r}")
    if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix):
        raise BadRequest(f"suffix must be like .onnx, got {suffix!r}")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or size_bytes < 0:
        raise BadRequest(f"size_bytes must be >= 0, got {size_bytes!r}")
    return sha256 + suffix


def sha256_of(path: str) -> str:
    """SHA-256 of a file, in hex."""
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_READ_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


class Store:
    """Paths and moves below ``root``; folders are made when something is put in them."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(os.path.expanduser(root))
        self.blobs = os.path.join(self.root, "blobs")
        self.incoming = os.path.join(self.root, "incoming")
        self.sessions = os.path.join(self.root, "sessions")

    def missing(self, blobs: List[Any]) -> List[Any]:
        """Those of ``blobs`` that are absent or of another size. Raises BadRequest."""
        if not isinstance(blobs, list):
            raise BadRequest(f"have needs a list of blobs, got {blobs!r}")
        return [b for b in blobs if durable.size_of(os.path.join(self.blobs, _blob_name(b))) != b["size_bytes"]]

    def admit(self, uploads: List[Any]) -> List[str]:
        """Move uploads into ``blobs/`` once their bytes are proven, and return their names there.

        A file that is not what it should be is deleted; the rest of the list stays in ``incoming/``.
        Raises BadRequest, or BlobMismatch with the expected and the found hash and size.
        """
        if not isinstance(uploads, list):
            raise BadRequest(f"admit needs a list of uploads, got {uploads!r}")
        return [self._admit(upload) for upload in uploads]

    def _admit(self, upload: Any) -> str:
        if not isinstance(upload, dict) or set(upload) != {"incoming", "blob"}:
            raise BadRequest(f"an upload has incoming and blob, got {upload!r}")
        name, blob = upload["incoming"], upload["blob"]
        if not isinstance(name, str) or not _INCOMING.fullmatch(name):
            raise BadRequest(f"incoming must be a plain file name, got {name!r}", incoming=name)
        blob_name = _blob_name(blob)
        source, target = os.path.join(self.incoming, name), os.path.join(self.blobs, blob_name)
        size_bytes = durable.size_of(source)
        if size_bytes is None:
            if durable.size_of(target) == blob["size_bytes"]:
                return blob_name  # A second controller was faster, or this one asks again after a lost answer.
            raise BadRequest(f"no uploaded file {name} in {self.incoming}: push it again", incoming=name)
        found = {"sha256": sha256_of(source), "size_bytes": size_bytes}
        expected = {"sha256": blob["sha256"], "size_bytes": blob["size_bytes"]}
        if found != expected:
            durable.remove(source)
            raise BlobMismatch(
                f"uploaded file {name} is not what was sent: expected {_text(expected)}, found {_text(found)}; "
                "it was deleted, push it again",
                incoming=name,
                expected=expected,
                found=found,
            )
        _sync_file(source)
        os.makedirs(self.blobs, exist_ok=True)
        os.replace(source, target)
        durable.sync_directory(self.blobs)
        return blob_name

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
        """Delete all blobs and uploads; returns their names."""
        removed = []
        for folder in (self.blobs, self.incoming):
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                if durable.remove(os.path.join(folder, name)):
                    removed.append(os.path.relpath(os.path.join(folder, name), self.root))
        return removed


def _sync_file(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _text(parts: Dict[str, Any]) -> str:
    return f"sha256 {parts['sha256'][:16]}... of {parts['size_bytes']} bytes"
