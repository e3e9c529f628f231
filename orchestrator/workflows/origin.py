"""What a device keeps with a session, so that a controller which never heard of it can put it into its own ledger."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.strict_json import from_json, to_json
from orchestrator.domain.artifact import Artifact
from orchestrator.domain.session import Environment, PlannedSession
from orchestrator.domain.study import Study
from orchestrator.workflows.artifact_files import blob_named, blob_of


@dataclass(frozen=True)
class Origin:
    """The study that asked for the session, its line of the plan, the device as it was found, and what it ran.

    ``artifact.path`` is a name only: its bytes are on the device.
    """

    study: Study
    planned: PlannedSession
    environment: Environment
    artifact: Artifact

    def __post_init__(self) -> None:
        if self.planned.candidate.artifact_sha256 != self.artifact.sha256:
            raise ValueError(f"artifact must be the planned one, got {self.artifact.sha256[:12]}")


def origin_of(study: Study, planned: PlannedSession, environment: Environment, artifact: Artifact) -> dict[str, Any]:
    """As plain JSON, without what is only of this machine."""
    origin: dict[str, Any] = to_json(Origin(study, planned, environment, artifact))
    origin["artifact"]["path"] = blob_of(artifact).file_name
    for name, part in artifact.parts.items():
        origin["artifact"]["parts"][name]["path"] = blob_named(part).file_name
    return origin


def read_origin(text: dict[str, Any]) -> Origin:
    """Raises ValueError for that of another version of Earshot."""
    try:
        return Origin(
            Study(**text["study"]),
            from_json(PlannedSession, text["planned"]),
            from_json(Environment, text["environment"]),
            from_json(Artifact, _with_paths(text["artifact"])),
        )
    except (KeyError, TypeError) as exc:
        raise ValueError(f"its origin is not understood: {exc}") from exc


def _with_paths(artifact: dict[str, Any]) -> dict[str, Any]:
    parts = {name: {**part, "path": Path(part["path"])} for name, part in artifact.get("parts", {}).items()}
    return {**artifact, "path": Path(artifact["path"]), "parts": parts}
