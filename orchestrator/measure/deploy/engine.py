"""A TensorRT engine, built on the device from a kit that was exported here."""

import json
from pathlib import Path

from agents import wire
from agents.engines.build import Engine
from agents.strict_json import from_json
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused
from orchestrator.measure.deploy.push import push_blobs

# What the device needs beside trtexec itself: to read the kit, to prove the engine.
_MARGIN_S = 60.0


def build_engine(agent: DeployedAgent, kit: Path, blob: wire.Blob, timeout_s: float, trtexec: str | None) -> Engine:
    """The engine of ``kit`` on the device, built unless it was built there before.

    Raises CommandFailed with trtexec's own message, Unreachable where the link is cut or the time is up.
    """
    push_blobs(agent, [(kit, blob)])
    named = [] if trtexec is None else ["--trtexec", trtexec]
    argv = agent.argv("engine", "--kit", blob.file_name, "--timeout", f"{timeout_s:g}", *named)
    done = agent.transport.exec(argv, timeout_s=timeout_s + _MARGIN_S)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return from_json(Engine, json.loads(done.stdout))
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
