"""An artifact's files as a device gets them."""

from pathlib import Path

from agents import wire
from orchestrator.domain.artifact import GRAPH, Artifact, Part


def blob_of(artifact: Artifact) -> wire.Blob:
    """The main graph."""
    return _blobs(artifact)[GRAPH]


def parts_of(artifact: Artifact) -> dict[str, wire.Blob]:
    """What a session of it gets beside the main graph."""
    return {name: blob for name, blob in _blobs(artifact).items() if name != GRAPH}


def files_of(artifact: Artifact) -> list[tuple[Path, wire.Blob]]:
    """What must be on a device that runs it."""
    return [(artifact.files[name].path, blob) for name, blob in _blobs(artifact).items()]


def _blobs(artifact: Artifact) -> dict[str, wire.Blob]:
    return {name: blob_named(part) for name, part in artifact.files.items()}


def blob_named(part: Part) -> wire.Blob:
    """With all endings of the part's file, as in .mlpackage.zip."""
    return wire.Blob(part.sha256, part.size_bytes, "".join(part.path.suffixes))
