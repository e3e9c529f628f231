"""The bundle of a device model: what an app ships, and the evidence for it.

``bundles/<device-model>/<model>/`` holds the winner's artifact and ``contract.json``, those that it falls back to in
``fallback/``, ``recommendation.json``, ``device_support.json``, ``clients/`` and ``manifest.json`` with the hash of
each. It is written beside its place and then moved there, so that a reader never sees half of it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents.strict_json import to_json
from orchestrator.decide.bundle.clients import write_clients
from orchestrator.decide.bundle.recommendation import recommendation
from orchestrator.decide.bundle.support import SCHEMA, Shipped, device_support, fallbacks
from orchestrator.domain.artifact import GRAPH, Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Session

CONTRACT, RECOMMENDATION = "contract.json", "recommendation.json"
SUPPORT, MANIFEST = "device_support.json", "manifest.json"


def write_bundle(bundles: Path, decision: Decision, artifacts: Sequence[Artifact], sessions: Sequence[Session]) -> Path:
    """The bundle's folder. Raises ValueError for a decision without a winner."""
    if decision.winner is None:
        raise ValueError(f"study {decision.study_id} has no winner to bundle: {decision.sentence}")
    place = bundles / decision.device_model / decision.model
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".bundle-") as scratch:
        folder = Path(scratch) / "new"
        folder.mkdir()
        shipped = _Shipping(folder, decision.model).all_of(decision, artifacts)
        _write_json(folder / RECOMMENDATION, recommendation(decision, shipped[0], sessions))
        identifiers = _identifiers(decision, sessions)
        _write_json(folder / SUPPORT, device_support(decision, shipped, identifiers, sessions))
        suffixes = [s.artifact.suffix for s in shipped]
        write_clients(folder / "clients", suffixes, shipped[0].artifact.contract)
        _write_json(folder / MANIFEST, _manifest(folder))
        for path in _files(folder):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if place.exists():
            place.rename(Path(scratch) / "old")
        folder.rename(place)
    return place


class _Shipping:
    """Lays each file into the bundle once: what two configurations share has one name."""

    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model = folder, model
        self._names: dict[str, str] = {}
        self._contracts: dict[str, str] = {}

    def all_of(self, decision: Decision, artifacts: Sequence[Artifact]) -> list[Shipped]:
        """The winner, then what it falls back to, as far as the artifacts are known."""
        assert decision.winner is not None
        known = {a.sha256: a for a in artifacts}
        winner = decision.of(decision.winner).candidate
        shipped = [self._ship(winner, _artifact_to_ship(decision, artifacts), self._model)]
        for candidate in fallbacks(decision):
            if artifact := known.get(candidate.artifact_sha256):
                shipped.append(self._ship(candidate, artifact, f"fallback/{artifact.sha256[:12]}"))
        return shipped

    def _ship(self, candidate: Candidate, artifact: Artifact, stem: str) -> Shipped:
        names = {}
        for part, file in artifact.files.items():
            end = "" if part == GRAPH else f"-{part}"
            name = self._names.setdefault(file.sha256, f"{stem}{end}{''.join(file.path.suffixes)}")
            if not (self._folder / name).exists():
                (self._folder / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(file.path, self._folder / name)
            names[part] = name
        return Shipped(candidate, artifact, self._contract(artifact, stem), names)

    def _contract(self, artifact: Artifact, stem: str) -> str:
        text = json.dumps(to_json(artifact.contract), indent=2) + "\n"
        first = not self._contracts
        name = self._contracts.setdefault(text, CONTRACT if first else f"{stem}-{CONTRACT}")
        (self._folder / name).parent.mkdir(exist_ok=True)
        (self._folder / name).write_text(text)
        return name


def _identifiers(decision: Decision, sessions: Sequence[Session]) -> list[str]:
    """What a device of this model calls itself, and what Earshot calls it."""
    models = [s.environment.probe.model for s in sessions]
    return [*(m for m in models[-1:] if m), decision.device_model]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _manifest(folder: Path) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": {
            path.relative_to(folder).as_posix(): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "size_bytes": path.stat().st_size,
            }
            for path in _files(folder)
        },
    }


def _artifact_to_ship(decision: Decision, artifacts: Sequence[Artifact]) -> Artifact:
    """The verified bytes; where verification did not pass, the bytes that won the race."""
    assert decision.winner is not None
    sha256 = decision.of(decision.winner).candidate.artifact_sha256
    if decision.verification is not None and decision.verification.passed:
        sha256 = decision.verification.artifact_sha256
    return next(a for a in artifacts if a.sha256 == sha256)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=False) + "\n")
