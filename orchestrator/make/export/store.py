"""Artifacts on disk, named by their content, and an index that knows which question each one answered.

``<dir>/<sha256>/model.onnx|model.ort, contract.json, provenance.json`` and ``<dir>/index/<key>.json``. An artifact of
several files has a folder without a model, whose provenance names the folders that hold its files. Everything is
written beside its place and renamed into it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.contract import StreamContract
from agents.strict_json import MalformedJson, from_json, to_json
from orchestrator.domain.artifact import GRAPH, Artifact, Parity, Part, Provenance
from orchestrator.domain.recipe import Recipe

CONTRACT_FILE, PROVENANCE_FILE = "contract.json", "provenance.json"


@dataclass(frozen=True)
class PartRecord:
    """A file of an artifact of several: ``<sha256>/<file>``."""

    sha256: str
    size_bytes: int
    file: str


@dataclass(frozen=True)
class Record:
    """One line of the index, and ``provenance.json`` of the artifact that it first described."""

    model: str
    recipe: str
    sha256: str
    size_bytes: int
    file: str
    provenance: Provenance
    parity: Parity | None
    unproven: str | None = None
    parts: dict[str, PartRecord] = field(default_factory=dict)


def record_of(artifact: Artifact) -> Record:
    """What its folder says of it."""
    parts = {name: PartRecord(p.sha256, p.size_bytes, p.path.name) for name, p in sorted(artifact.parts.items())}
    file = f"../{artifact.parts[GRAPH].sha256}/{artifact.path.name}" if parts else artifact.path.name
    told = (artifact.provenance, artifact.parity, artifact.unproven, parts)
    return Record(artifact.model, str(artifact.recipe), artifact.sha256, artifact.size_bytes, file, *told)


class ArtifactStore:
    """Safe for several processes at once: all write the same bytes under the same names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str, contract: StreamContract) -> Artifact | None:
        """The artifact made for ``key``. None where there is none, or where its bytes are no longer its own: then what
        is left of it is removed, so that it is made again."""
        record = self._read(key)
        if record is None:
            return None
        for part in (record.parts or {GRAPH: PartRecord(record.sha256, record.size_bytes, record.file)}).values():
            path = self.folder / part.sha256 / part.file
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != part.sha256:
                shutil.rmtree(path.parent, ignore_errors=True)
                return None
        return self._artifact(record, contract)

    def save(
        self,
        key: str,
        content: bytes,
        suffix: str,
        recipe: Recipe,
        contract: StreamContract,
        provenance: Provenance,
        parity: Parity | None,
        unproven: str | None = None,
    ) -> Artifact:
        """Store ``content`` and the answer to ``key``. ``unproven``: why it has no parity."""
        sha256 = hashlib.sha256(content).hexdigest()
        file = f"model{suffix}"
        record = Record(contract.model, str(recipe), sha256, len(content), file, provenance, parity, unproven)
        files = {
            record.file: content,
            CONTRACT_FILE: _json_bytes(contract),
            PROVENANCE_FILE: _json_bytes(record),
        }
        self._put_folder(sha256, files)
        self._replace(self.folder / sha256 / CONTRACT_FILE, files[CONTRACT_FILE])
        self._replace(self._index(key), _json_bytes(record))
        return self._artifact(record, contract)

    def put_file(self, content: bytes, name: str) -> Part:
        """A file that is no graph, such as a lexicon."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._put_folder(sha256, {name: content})
        return Part(sha256, len(content), self.folder / sha256 / name)

    def compose(
        self,
        key: str,
        recipe: Recipe,
        contract: StreamContract,
        provenance: Provenance,
        parity: Parity | None,
        parts: dict[str, Part],
        unproven: str | None = None,
    ) -> Artifact:
        """One artifact of ``parts``, all of them files of this store, as the answer to ``key``."""
        records = {name: PartRecord(p.sha256, p.size_bytes, p.path.name) for name, p in sorted(parts.items())}
        sha256 = hashlib.sha256(json.dumps({n: r.sha256 for n, r in records.items()}).encode()).hexdigest()
        size = sum(part.size_bytes for part in parts.values())
        file = f"../{parts[GRAPH].sha256}/{parts[GRAPH].path.name}"
        record = Record(contract.model, str(recipe), sha256, size, file, provenance, parity, unproven, records)
        (self.folder / sha256).mkdir(parents=True, exist_ok=True)
        self._replace(self.folder / sha256 / CONTRACT_FILE, _json_bytes(contract))
        self._replace(self.folder / sha256 / PROVENANCE_FILE, _json_bytes(record))
        self._replace(self._index(key), _json_bytes(record))
        return self._artifact(record, contract)

    def adopt(self, record: Record, contract: StreamContract, place: Callable[[str, Path], None]) -> Artifact:
        """One that was made elsewhere. ``place(sha256, path)`` brings a file that is not there."""
        parts = record.parts or {GRAPH: PartRecord(record.sha256, record.size_bytes, record.file)}
        for part in parts.values():
            place(part.sha256, self.folder / part.sha256 / part.file)
        (self.folder / record.sha256).mkdir(parents=True, exist_ok=True)
        for sha256 in {record.sha256, parts[GRAPH].sha256}:
            self._replace(self.folder / sha256 / CONTRACT_FILE, _json_bytes(contract))
        self._replace(self.folder / record.sha256 / PROVENANCE_FILE, _json_bytes(record))
        return self._artifact(record, contract)

    def _artifact(self, record: Record, contract: StreamContract) -> Artifact:
        parts = {n: Part(p.sha256, p.size_bytes, self.folder / p.sha256 / p.file) for n, p in record.parts.items()}
        return Artifact(
            model=record.model,
            sha256=record.sha256,
            size_bytes=record.size_bytes,
            path=parts[GRAPH].path if parts else self.folder / record.sha256 / record.file,
            recipe=Recipe.parse(record.recipe),
            contract=contract,
            provenance=record.provenance,
            parity=record.parity,
            unproven=record.unproven,
            parts=parts,
        )

    def _index(self, key: str) -> Path:
        return self.folder / "index" / f"{key}.json"

    def _read(self, key: str) -> Record | None:
        try:
            return from_json(Record, json.loads(self._index(key).read_text()))
        except (FileNotFoundError, MalformedJson, json.JSONDecodeError, UnicodeDecodeError):
            return None

    def _put_folder(self, sha256: str, files: dict[str, bytes]) -> None:
        target = self.folder / sha256
        self.folder.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            content = next(iter(files))
            if (target / content).is_file() and hashlib.sha256((target / content).read_bytes()).hexdigest() == sha256:
                return
            shutil.rmtree(target, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as scratch:
            staging = Path(scratch) / sha256
            staging.mkdir()
            for name, content_bytes in files.items():
                (staging / name).write_bytes(content_bytes)
            # Another process may have been first; its bytes are the same.
            with contextlib.suppress(OSError):
                staging.rename(target)

    def _replace(self, path: Path, content: bytes) -> None:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(to_json(value), indent=2, sort_keys=True) + "\n").encode()
