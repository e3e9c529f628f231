"""The Python environments of one device as places where sessions run: another one has another build of a runtime."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.session import Environment
from orchestrator.errors import DeviceNotReady
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import DEFAULT_ENVIRONMENT, deploy
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.reach import in_environment, python_of


@dataclass(frozen=True)
class Place:
    """The agent in one environment, and what is recorded with its sessions."""

    agent: DeployedAgent
    environment: Environment


def other_places(device: Device, here: Place, progress: Progress) -> dict[str, Place]:
    """Every environment that the lab file gives the device beside the default, by name, over the same connection.

    One that is not there, or has no usable runtime, is told and left out.
    """
    found = {}
    for name in device.environments:
        if name == DEFAULT_ENVIRONMENT:
            continue
        try:
            found[name] = _place(in_environment(device, name), name, here)
        except DeviceNotReady as exc:
            progress.note(f"the environment {name} is left out: {exc.message} ({exc.hint})")
    return found


def _place(device: Device, name: str, here: Place) -> Place:
    with tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
        archive = build_agent_archive(Path(scratch))
        agent = deploy(here.agent.transport, archive, device.root, **python_of(device))
    # Sensors belong to the device, and are calibrated already.
    probe = replace(agent.probe, sensors=here.environment.probe.sensors)
    used = agent.environment or name
    return Place(agent, replace(here.environment, probe=probe, python_environment=used))
