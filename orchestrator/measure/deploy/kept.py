"""The sessions that lie on a device, whoever started them."""

import json
import tempfile
from pathlib import Path

from agents import strict_json, wire
from agents.kept import KeptSession
from orchestrator.errors import SessionFailed
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused

_TIMEOUT_S = 60.0


def kept_sessions(agent: DeployedAgent) -> list[KeptSession]:
    """Oldest first. Raises CommandFailed with the agent's own message."""
    argv = agent.argv("sessions")
    done = agent.transport.exec(argv, timeout_s=_TIMEOUT_S)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return [strict_json.from_json(KeptSession, kept) for kept in json.loads(done.stdout)]
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc


def spec_of(agent: DeployedAgent, session_id: str) -> wire.RunSpec:
    """The spec that a session was started with. Raises SessionFailed for that of another version of Earshot."""
    remote = f"{agent.root}/sessions/{session_id}/spec.json"
    with tempfile.TemporaryDirectory(prefix="earshot-") as scratch:
        local = Path(scratch) / "spec.json"
        agent.transport.pull(remote, local)
        try:
            return strict_json.from_json(wire.RunSpec, json.loads(local.read_text()))
        except ValueError as exc:
            raise SessionFailed(
                f"{remote} on {agent.name} was written by another version of Earshot: {exc}",
                failure="internal",
                hint="collect it with the version that started it",
            ) from exc
