"""A session's raw arrays, from the device's disk to this one's."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.errors import SessionFailed
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.device_check import sha256_of

Arrays = dict[str, NDArray[Any]]


def fetch_arrays(agent: DeployedAgent, session_id: str, blob: wire.Blob, path: Path) -> None:
    """Pull ``arrays.npz`` of a session to ``path``, unless the same bytes are there. Raises SessionFailed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and sha256_of(str(path)) == blob.sha256:
        return
    remote = f"{agent.root}/sessions/{session_id}/arrays.npz"
    agent.transport.pull(remote, path)
    found = sha256_of(str(path))
    if found != blob.sha256:
        path.unlink()
        raise SessionFailed(
            f"{remote} on {agent.name} is not what the session wrote: sha256 {found[:16]}..., "
            f"expected {blob.sha256[:16]}...",
            failure="internal",
            hint="it was altered on the device: run the session again under another id",
        )


def load_arrays(path: Path) -> Arrays:
    """Name -> array; nothing in the file is executed. Raises SessionFailed."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, OSError, zipfile.BadZipFile) as exc:
        raise SessionFailed(f"cannot read the arrays in {path}: {exc}", failure="internal") from exc
