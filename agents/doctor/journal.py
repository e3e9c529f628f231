"""What was changed on this device to quiet it, so that anyone can change it back: ``undo.json`` below the agent's root.

An entry is on the disk before the change that it undoes is made; a controller that is killed in between leaves an
undo that changes nothing. The entries are the controller's: the agent keeps them and does not read them.
"""

import fcntl
import json
import os
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List

from agents import durable

Entry = Dict[str, Any]


def path_of(root: str) -> str:
    return os.path.join(os.path.expanduser(root), "undo.json")


def answer(root: str, request: Any) -> List[Entry]:
    """``{"add": ENTRY}``, ``{"drop": [ID, ...]}`` or ``{}``; all entries afterwards. Raises ValueError, OSError."""
    if not isinstance(request, dict) or len(request) > 1 or set(request) - {"add", "drop"}:
        raise ValueError(f"an undo request must be {{}}, {{'add': ...}} or {{'drop': [...]}}, got {request!r}")
    with _alone(root):
        entries = _read(root)
        if "add" in request:
            entry = request["add"]
            if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
                raise ValueError(f"an undo entry needs an id, got {entry!r}")
            entries = [known for known in entries if known["id"] != entry["id"]] + [entry]
            durable.write_json(path_of(root), entries)
        if "drop" in request:
            entries = [known for known in entries if known["id"] not in request["drop"]]
            _keep(root, entries)
    return entries


def _keep(root: str, entries: List[Entry]) -> None:
    if entries:
        durable.write_json(path_of(root), entries)
    elif durable.remove(path_of(root)):
        durable.sync_directory(os.path.dirname(path_of(root)))


def _read(root: str) -> List[Entry]:
    try:
        with open(path_of(root), encoding="utf-8") as file:
            entries = json.load(file)
    except FileNotFoundError:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "id" in entry for entry in entries):
        raise ValueError(f"{path_of(root)} is no list of undo entries: what was changed on this device is not known")
    return entries


@contextmanager
def _alone(root: str) -> Iterator[None]:
    """Two controllers may come at once: the folder's own lock keeps one waiting, and leaves no file behind."""
    folder = os.open(os.path.expanduser(root), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
