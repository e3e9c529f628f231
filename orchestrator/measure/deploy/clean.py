"""Removing what Earshot left on a device."""

import json
from collections.abc import Sequence

from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused

_TIMEOUT_S = 120.0


def clean(
    agent: DeployedAgent,
    *,
    blobs: bool = False,
    environments: bool = False,
    keep: Sequence[str] | None = None,
    python: bool = False,
) -> list[str]:
    """Names of what was removed: finished sessions, with ``blobs`` the pushed models and audio and other versions of
    the agent, with ``environments`` Python environments that no name means any more or whose name is not in ``keep``
    (None: every name is kept), with ``python`` the Python that setup installed there.

    A running session and what it uses stay. Raises CommandFailed with the agent's own message.
    """
    options = ["--blobs"] * blobs + ["--environments"] * environments + ["--python"] * python
    if environments and keep is not None:
        options += ["--keep", ",".join(keep)]
    return _names(agent, agent.argv("clean", "--sessions", *options))


def forget(agent: DeployedAgent, session_ids: Sequence[str]) -> list[str]:
    """Delete these sessions there, those that run excepted; returns which were there. Raises CommandFailed."""
    return _names(agent, agent.argv("forget", "--ids", ",".join(session_ids)))


def _names(agent: DeployedAgent, argv: list[str]) -> list[str]:
    done = agent.transport.exec(argv, timeout_s=_TIMEOUT_S)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return [str(name) for name in json.loads(done.stdout)]
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
