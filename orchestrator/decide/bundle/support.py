"""``device_support.json``: which configuration a device takes, and what it falls back to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import PLAIN_PROVIDERS, Candidate
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Session

SCHEMA = 2


@dataclass(frozen=True)
class Shipped:
    """A configuration whose files are in the bundle. ``contract`` and ``names`` (by part) are their names there."""

    candidate: Candidate
    artifact: Artifact
    contract: str
    names: dict[str, str]


def fallbacks(decision: Decision) -> list[Candidate]:
    """After the winner: its artifact on what every build of its runtime has, then the default of the study."""
    assert decision.winner is not None
    winner = decision.of(decision.winner).candidate
    plainer = [
        verdict.candidate
        for verdict in decision.candidates
        if verdict.status != "rejected"
        and verdict.candidate.artifact_sha256 == winner.artifact_sha256
        and winner.provider != verdict.candidate.provider == PLAIN_PROVIDERS.get(winner.runtime)
    ]
    baseline = [] if decision.baseline is None else [decision.of(decision.baseline).candidate]
    return [c for c in (*plainer[:1], *baseline) if c.key != winner.key]


def device_support(
    decision: Decision, shipped: Sequence[Shipped], identifiers: Sequence[str], sessions: Sequence[Session]
) -> dict[str, Any]:
    """A device takes the entry with the longest prefix of its identifier; its ``fallback`` are tried in turn. One that
    no prefix fits takes ``default``. ``shipped``: the winner, then what it falls back to.

    ``supported`` passed every gate on this device. ``configurations`` have their files in the bundle; of those that are
    ``not_shipped``, the hash names the artifact.
    """
    passed = [v.candidate for v in decision.candidates if v.status in ("winner", "front")]
    keys = [s.candidate.key for s in shipped]
    return {
        "schema": SCHEMA,
        "model": decision.model,
        "device_support": [
            {
                "identifier_prefixes": list(dict.fromkeys(identifiers)),
                "default": keys[0],
                "supported": [c.key for c in passed],
                "fallback": keys,
            }
        ],
        "default": {"default": keys[-1], "supported": keys[-1:], "fallback": keys[-1:]},
        "configurations": {
            s.candidate.key: {**configuration(s.candidate, sessions), **shipped_files(s)} for s in shipped
        },
        "not_shipped": {c.key: configuration(c, sessions) for c in passed if c.key not in keys},
    }


def configuration(candidate: Candidate, sessions: Sequence[Session] = ()) -> dict[str, Any]:
    """How it is run; ``sessions`` tell the version of the runtime that was measured."""
    results = [s.result for s in sessions if s.ok and s.planned.candidate.key == candidate.key]
    return {
        "key": candidate.key,
        "label": candidate.label,
        "recipe": str(candidate.recipe),
        "artifact_sha256": candidate.artifact_sha256,
        "runtime": candidate.runtime,
        "runtime_version": next((r.runtime_version for r in results if r.runtime_version), None),
        "runtime_build": next((r.runtime_build for r in results if r.runtime_build), None),
        "python_environment": candidate.environment,
        "execution_provider": candidate.provider,
        "threads": candidate.threads,
        "cpu_affinity": list(candidate.affinity) or None,
        "cluster": candidate.cluster or None,
        "session_options": candidate.session_options,
        "chunk_samples": candidate.chunk_samples,
    }


def shipped_files(shipped: Shipped) -> dict[str, Any]:
    """What ``configuration`` is told beside, where the files are in the bundle."""
    artifact = shipped.artifact
    told: dict[str, Any] = {
        "artifact_sha256": artifact.sha256,
        "contract": shipped.contract,
        "files": {
            part: {"name": name, "sha256": artifact.files[part].sha256, "size_bytes": artifact.files[part].size_bytes}
            for part, name in shipped.names.items()
        },
    }
    return told if artifact.contract.search is None else {**told, "step": _step(shipped.candidate)}


def _step(candidate: Candidate) -> dict[str, Any]:
    """How the agent runs a transducer's second graph (agents/backends/*_step.py)."""
    beside_cpu = candidate.runtime in ("onnxruntime", "litert")
    return {
        "execution_provider": PLAIN_PROVIDERS[candidate.runtime] if beside_cpu else candidate.provider,
        "threads": 1 if beside_cpu else candidate.threads,
        "session_options": {} if beside_cpu else candidate.session_options,
    }


def takes(support: dict[str, Any], device: str) -> dict[str, Any]:
    """The entry of ``device_support.json`` for the identifier ``device``."""
    found = [
        (len(prefix), number)
        for number, entry in enumerate(support["device_support"])
        for prefix in entry["identifier_prefixes"]
        if device.startswith(prefix)
    ]
    entry: dict[str, Any] = support["device_support"][max(found)[1]] if found else support["default"]
    return entry
