"""Removing what Earshot left on a device."""

import json

from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused

_TIMEOUT_S = 120.0


def clean(agent: DeployedAgent, *, blobs: bool = False) -> list[str]:
    """Names of what was removed: finished sessions, and with ``blobs`` the pushed models and audio
    and other versions of the agent.

    A running session stays. Raises CommandFailed with the agent's own message.
    """
    argv = agent.argv("clean", "--sessions", *(["--blobs"] if blobs else []))
    done = agent.transport.exec(argv, timeout_s=_TIMEOUT_S)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return [str(name) for name in json.loads(done.stdout)]
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
