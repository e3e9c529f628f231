"""The bundle of a device model: what an app ships, and the evidence for it.

``bundles/<device-model>/<model>/`` holds the artifact, ``contract.json``, ``recommendation.json``,
``device_support.json``, ``clients/`` and ``manifest.json`` with the hash of each. It is written beside its place and
then moved there, so that a reader never sees half of it.
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
from orchestrator.domain.artifact import GRAPH, Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import CandidateVerdict, Decision
from orchestrator.domain.session import Session

SCHEMA = 1


def write_bundle(bundles: Path, decision: Decision, artifacts: Sequence[Artifact], sessions: Sequence[Session]) -> Path:
    """The bundle's folder. Raises ValueError for a decision without a winner."""
    if decision.winner is None:
        raise ValueError(f"study {decision.study_id} has no winner to bundle: {decision.sentence}")
    artifact = _artifact_to_ship(decision, artifacts)
    place = bundles / decision.device_model / decision.model
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".bundle-") as scratch:
        folder = Path(scratch) / "new"
        folder.mkdir()
        for part, name in _names(decision.model, artifact).items():
            shutil.copyfile(artifact.files[part].path, folder / name)
        _write_json(folder / "contract.json", to_json(artifact.contract))
        _write_json(folder / "recommendation.json", _recommendation(decision, artifact, sessions))
        _write_json(folder / "device_support.json", _device_support(decision))
        write_clients(folder / "clients", artifact.suffix, artifact.contract)
        _write_json(folder / "manifest.json", _manifest(folder))
        for path in _files(folder):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if place.exists():
            place.rename(Path(scratch) / "old")
        folder.rename(place)
    return place


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


def _names(model: str, artifact: Artifact) -> dict[str, str]:
    """What the artifact's files are called in the bundle."""
    ends = {part: "" if part == GRAPH else f"-{part}" for part in artifact.files}
    return {part: f"{model}{end}{''.join(artifact.files[part].path.suffixes)}" for part, end in ends.items()}


def _recommendation(decision: Decision, artifact: Artifact, sessions: Sequence[Session]) -> dict[str, Any]:
    assert decision.winner is not None
    winner = decision.of(decision.winner)
    own = [s for s in sessions if s.planned.candidate.key == decision.winner and s.ok]
    environment = (own or list(sessions))[-1].environment
    files = {
        part: {"name": name, "sha256": artifact.files[part].sha256, "size_bytes": artifact.files[part].size_bytes}
        for part, name in _names(decision.model, artifact).items()
    }
    return {
        "schema": SCHEMA,
        "sentence": decision.sentence,
        "verdict": decision.verdict,
        "file": files.pop(GRAPH),
        # A transducer's second graph, its words.
        "parts": files,
        "configuration": _configuration(winner.candidate),
        "metrics": to_json(winner.metrics),
        "gain_over_default": to_json(decision.gain),
        "quality_cost": to_json(decision.quality_cost),
        "objective": decision.objective,
        "constraints": decision.constraints,
        "verification": to_json(decision.verification) if decision.verification else None,
        "pareto_front": [_line(v) for v in decision.candidates if v.status in ("winner", "front")],
        "not_chosen": [_line(v) for v in decision.candidates if v.status != "winner"],
        "provenance": to_json(artifact.provenance),
        "parity": to_json(artifact.parity) if artifact.parity else None,
        "evidence": {
            "study": decision.study_id,
            "sessions": [s.session_id for s in sessions if s.planned.candidate.key == decision.winner],
        },
        "environment": to_json(environment),
        "runtime_build": next((s.result.runtime_build for s in own if s.result.runtime_build), None),
    }


def _configuration(candidate: Candidate) -> dict[str, Any]:
    return {
        "key": candidate.key,
        "label": candidate.label,
        "recipe": str(candidate.recipe),
        "runtime": candidate.runtime,
        "python_environment": candidate.environment,
        "execution_provider": candidate.provider,
        "threads": candidate.threads,
        "cpu_affinity": list(candidate.affinity) or None,
        "cluster": candidate.cluster or None,
        "session_options": candidate.session_options,
        "chunk_samples": candidate.chunk_samples,
    }


def _line(verdict: CandidateVerdict) -> dict[str, Any]:
    return {**_configuration(verdict.candidate), "status": verdict.status, "reason": verdict.reason}


def _device_support(decision: Decision) -> dict[str, Any]:
    """Which configuration a device takes: the longest matching prefix of its model wins; then down the fallbacks."""
    assert decision.winner is not None
    assert decision.baseline is not None
    supported = [v.candidate for v in decision.candidates if v.status in ("winner", "front")]
    winner, baseline = (decision.of(key).candidate for key in (decision.winner, decision.baseline))
    return {
        "schema": SCHEMA,
        "model": decision.model,
        "device_support": [
            {
                "identifier_prefixes": [decision.device_model],
                "default": _configuration(winner),
                "supported": [_configuration(c) for c in supported],
                "fallback": list(dict.fromkeys(str(c.recipe) for c in (winner, baseline))),
            }
        ],
        "default": _configuration(baseline),
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=False) + "\n")
