"""The sessions that lie on this device: which there are, and forgetting those that somebody has put away."""

import json
import os
import shutil
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

from agents import wire
from agents.claim import SessionFolder, folder_of
from agents.store import BadRequest, Store


@dataclass(frozen=True)
class KeptSession:
    """``state``: running, finished, failed, or lost where its processes ended without a result. ``chunks_done`` of
    ``chunks_total`` as far as it was told. ``started_utc_s`` by the device's clock. ``origin``: see ``RunSpec``.
    """

    session_id: str
    state: str
    mode: str
    chunks_done: Optional[int]
    chunks_total: Optional[int]
    started_utc_s: float
    size_bytes: int
    reason: Optional[str]
    origin: Optional[Dict[str, Any]]


def kept_sessions(store: Store) -> List[KeptSession]:
    """All of them, oldest first."""
    names = os.listdir(store.sessions) if os.path.isdir(store.sessions) else []
    found = [_kept(folder_of(store, name)) for name in names if wire.is_session_id(name)]
    return sorted((kept for kept in found if kept), key=lambda kept: (kept.started_utc_s, kept.session_id))


def _kept(folder: SessionFolder) -> Optional[KeptSession]:
    try:
        with open(folder.spec, encoding="utf-8") as file:
            spec: Dict[str, Any] = json.load(file)
        files = [os.stat(os.path.join(folder.path, name)) for name in os.listdir(folder.path)]
        started_utc_s = os.stat(folder.spec).st_mtime
    except (OSError, ValueError):
        return None  # It was forgotten just now.
    last = folder.journal.last_event()
    result = last["data"]["result"] if last else {}
    done, total = folder.progress()
    return KeptSession(
        session_id=folder.session_id,
        state=last["kind"] if last else _state_without_end(folder),
        mode=str(spec.get("mode")),
        chunks_done=result.get("chunk_count", done),
        chunks_total=total or spec.get("chunk_count") or None,
        started_utc_s=started_utc_s,
        size_bytes=sum(status.st_size for status in files),
        reason=result.get("reason"),
        origin=spec.get("origin"),
    )


def _state_without_end(folder: SessionFolder) -> str:
    with folder.unless_running() as dead:
        return "lost" if dead else "running"


def forget(store: Store, session_ids: Sequence[str]) -> List[str]:
    """Delete these sessions where they do not run; returns those that were there. Raises BadRequest for no ids."""
    wrong = [name for name in session_ids if not wire.is_session_id(name)]
    if wrong:
        raise BadRequest(f"these are no session ids: {wrong}")
    gone = []
    for folder in [folder_of(store, name) for name in session_ids]:
        if not os.path.isdir(folder.path):
            continue
        with folder.unless_running() as ended:
            if ended:
                # Out of sight in one step: half of a session must not be taken for one.
                away = f"{folder.path}.gone-{os.getpid()}"
                os.rename(folder.path, away)
                shutil.rmtree(away)
                gone.append(folder.session_id)
    return gone
