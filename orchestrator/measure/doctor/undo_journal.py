"""The undo journal on the device: what was changed there and not changed back, whoever did it."""

import json
from dataclasses import dataclass
from typing import Any

from agents import strict_json
from agents.doctor import journal
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused
from orchestrator.measure.doctor.finding import Change

SESSION, ASKED = "session", "asked"
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class UndoEntry:
    """Changes that were made together. ``until`` session: for the time of one run, so whoever finds it later undoes it;
    asked: a person asked for it, and the end of the next run undoes it. ``made_utc`` is the controller's clock.
    """

    id: str
    made_utc: str
    until: str
    changes: tuple[Change, ...]

    def __post_init__(self) -> None:
        if self.until not in (SESSION, ASKED):
            raise ValueError(f"until must be {SESSION} or {ASKED}, got {self.until!r}")


def is_there(agent: DeployedAgent) -> bool:
    """Whether there is anything to undo. Costs one command, not a start of Python. Raises Unreachable."""
    path = journal.path_of(agent.root)
    return agent.transport.exec(["sh", "-c", 'test -e "$1"', "sh", path]).ok


def entries(agent: DeployedAgent) -> list[UndoEntry]:
    return _ask(agent, {})


def add(agent: DeployedAgent, entry: UndoEntry) -> None:
    """On the device's disk when this returns; an entry of the same id is replaced."""
    _ask(agent, {"add": strict_json.to_json(entry)})


def drop(agent: DeployedAgent, entry: UndoEntry) -> None:
    _ask(agent, {"drop": [entry.id]})


def _ask(agent: DeployedAgent, request: dict[str, Any]) -> list[UndoEntry]:
    argv = agent.argv("undo-journal")
    done = agent.transport.exec(argv, stdin=json.dumps(request).encode(), timeout_s=_TIMEOUT_S)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return [strict_json.from_json(UndoEntry, entry) for entry in json.loads(done.stdout)]
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
