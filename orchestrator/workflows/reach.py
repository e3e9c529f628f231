"""Reaching a device: connected, its Python found, the agent on it, and probed. Imports little, so that it can begin
before the rest of a command is imported.
"""

import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from orchestrator.errors import BadInput, EarshotError
from orchestrator.ledger.glance import surely_free
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.deploy.archive import build_agent_archive
from orchestrator.measure.deploy.push import DEFAULT_ENVIRONMENT, deploy
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab, open_transport

# What a probe says of temperature, load and free disk is used for this long before it is asked for again.
_FRESH_S = 5.0


def reach(device: Device) -> DeployedAgent:
    """Connects, pushes the agent archive if it is absent, probes. The caller closes ``agent.transport``."""
    transport = open_transport(device)
    try:
        with tempfile.TemporaryDirectory(prefix="earshot-agent-") as scratch:
            return deploy(transport, build_agent_archive(Path(scratch)), device.root, **python_of(device))
    except BaseException:
        transport.close()
        raise


class Ahead:
    """A device that is being reached, in a thread, before its lease is taken: only where ``ledger`` says for certain
    that nobody measures there, because a login would disturb that.
    """

    def __init__(self, device: Device, ledger: Path) -> None:
        self._device = device
        self._reached: Future[tuple[DeployedAgent, float]] | None = None
        self._lock = threading.Lock()
        # Over ADB and here it takes less time than a thread.
        if device.transport == "ssh" and surely_free(ledger, device.name):
            # Before the thread, not in it: these imports would take turns with the caller's own, which are not urgent.
            import orchestrator.measure.lab.ssh_device  # noqa: F401

            self._reached = Future()
            threading.Thread(target=self._reach, args=(self._reached,), name="reach", daemon=True).start()

    def take(self, device: Device) -> DeployedAgent | None:
        """The agent there, now the caller's to close; None where it was not reached ahead, or is no longer fresh.

        Raises what reaching it raised. Answers once.
        """
        with self._lock:
            reached, self._reached = self._reached, None
        if reached is None:
            return None
        if device != self._device:
            _give_up(reached)
            return None
        agent, at_s = reached.result()
        if time.monotonic() - at_s <= _FRESH_S:
            return agent
        agent.transport.close()
        return None

    def close(self) -> None:
        """Nobody takes it any more. What is still under way closes its connection by itself."""
        with self._lock:
            reached, self._reached = self._reached, None
        if reached is not None:
            _give_up(reached)

    def _reach(self, reached: "Future[tuple[DeployedAgent, float]]") -> None:
        try:
            reached.set_result((reach(self._device), time.monotonic()))
        except BaseException as exc:
            reached.set_exception(exc)


def begin(lab_file: Path | None, name: str, environment: str | None, ledger: Path) -> Ahead | None:
    """The device ``name`` of the lab being reached; None where it cannot be known yet which one that is."""
    try:
        device = load_lab(lab_file).devices.get(name)
    except EarshotError:
        return None  # Told by whoever reads it next.
    return Ahead(in_environment(device, environment), ledger) if device else None


def _give_up(reached: "Future[tuple[DeployedAgent, float]]") -> None:
    reached.add_done_callback(_close_reached)


def _close_reached(reached: "Future[tuple[DeployedAgent, float]]") -> None:
    with suppress(EarshotError):
        reached.result()[0].transport.close()


def in_environment(device: Device, environment: str | None) -> Device:
    """The device whose sessions run in this one of its Python environments; None: in its default."""
    return device if environment is None else replace(device, environment=environment)


class _Python(TypedDict):
    """``deploy``'s keyword arguments that say which Python."""

    python: str | None
    environment: str | None
    prefer_default: bool


def python_of(device: Device) -> _Python:
    """Of the environment that is asked for, or ``default`` of the lab file; else what ``deploy`` prefers.

    Raises BadInput for an environment that is neither in the lab file nor one that Earshot makes by itself.
    """
    name = device.environment or DEFAULT_ENVIRONMENT
    if name not in (DEFAULT_ENVIRONMENT, *device.environments):
        known = ", ".join(sorted({DEFAULT_ENVIRONMENT, *device.environments}))
        raise BadInput(f"{device.name} has no environment {name!r} in the lab file", hint=f"known are {known}")
    own = device.environments.get(name)
    if own is not None and own.python is not None:
        return {"python": own.python, "environment": None, "prefer_default": False}
    return {"python": device.python, "environment": device.environment, "prefer_default": True}
