"""What the devices themselves have written of their sessions."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.journal import LAST_KINDS


@dataclass(frozen=True)
class Run:
    """A session as its device's journal tells it. ``planned_for``: the device in its plan. ``starts``: how often it was
    begun. Times by the device's own monotonic clock, ns; ``ended_ns`` None: it has not. ``failure`` None: it went well.
    ``arrays_sha256`` of what lies there now; None: it has none.
    """

    device: str
    session_id: str
    study_id: str
    mode: str
    planned_for: str
    fence: int
    starts: int
    began_ns: int
    ended_ns: int | None
    failure: str | None
    arrays_sha256: str | None


def runs_on(roots: Mapping[str, Path]) -> list[Run]:
    """Of all devices (name -> the agent's root there)."""
    return [_run(name, folder) for name, root in roots.items() for folder in sorted((root / "sessions").glob("[!.]*"))]


def _run(device: str, folder: Path) -> Run:
    spec: dict[str, Any] = json.loads((folder / "spec.json").read_text())
    lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    # The last one may just be being written.
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    last = events[-1] if events and events[-1]["kind"] in LAST_KINDS else None
    arrays = folder / "arrays.npz"
    planned = spec["origin"]["planned"]
    return Run(
        device=device,
        session_id=folder.name,
        study_id=planned["study_id"],
        mode=planned["mode"],
        planned_for=planned["device"],
        fence=spec["fence"],
        starts=sum(event["kind"] == "accepted" for event in events),
        began_ns=events[0]["t_ns"] if events else 0,
        ended_ns=last["t_ns"] if last else None,
        failure=last["data"]["result"]["failure"] if last else "unfinished",
        arrays_sha256=hashlib.sha256(arrays.read_bytes()).hexdigest() if arrays.exists() else None,
    )
