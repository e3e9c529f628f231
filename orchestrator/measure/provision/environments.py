"""Named Python environments of a device: what there should be, what is there, what it takes, and doing it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents import strict_json
from agents.environments.nouns import EnvironmentRequest, EnvironmentsAnswer, MadeEnvironment, PythonFacts, normalized
from orchestrator.errors import BadInput, DeviceNotReady
from orchestrator.measure.deploy.agent import DeployedAgent, not_understood, refused
from orchestrator.measure.deploy.push import DEFAULT_ENVIRONMENT, OnProgress, absent_blobs, push_blobs
from orchestrator.measure.lab.device import Device, PythonEnvironment
from orchestrator.measure.provision.default_packages import DEFAULT_PACKAGES, that_fit
from orchestrator.measure.provision.resolve import LocalWheel, requirement, resolve
from orchestrator.measure.provision.runners import with_wheels
from orchestrator.measure.provision.tags import wheel_tags

# Unpacking and importing thousands of files on an SD card.
INSTALL_TIMEOUT_S = 1800.0
# Raised when an environment of the same wheels would be laid out in another way.
_FORMAT = 1


@dataclass(frozen=True)
class EnvironmentPlan:
    """What one environment takes. ``wheels`` empty: nothing; ``reason`` says why it is made, or why not.

    ``absent_bytes``: of the wheels that the device does not have yet.
    """

    name: str
    packages: tuple[str, ...]
    reason: str
    wheels: tuple[LocalWheel, ...] = ()
    absent: tuple[str, ...] = ()
    absent_bytes: int = 0

    @property
    def needed(self) -> bool:
        return bool(self.wheels)


@dataclass(frozen=True)
class EnvironmentReport:
    """An environment that was made, and the bytes of its wheels that the device did not have."""

    environment: MadeEnvironment
    bytes_sent: int


def wanted_environments(device: Device, names: Sequence[str] = ()) -> dict[str, PythonEnvironment]:
    """Those of the lab file, and ``default`` where it names none; only ``names``, if any. Raises BadInput."""
    known = {DEFAULT_ENVIRONMENT: PythonEnvironment(packages=DEFAULT_PACKAGES), **device.environments}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadInput(
            f"{device.name} has no environment {unknown[0]!r} in the lab file",
            hint=f"known are {', '.join(known)}; others are [devices.{device.name}.environments.NAME]",
        )
    return {name: known[name] for name in (names or known)}


def ask_environments(agent: DeployedAgent, named: str | None = None) -> EnvironmentsAnswer:
    """What is there. ``named``: how the lab file names the device's Python."""
    argv = agent.argv("environments", *(["--named", named] if named else []))
    done = agent.transport.exec(argv)
    if not done.ok:
        raise refused(agent.name, agent.root, argv, done)
    try:
        return strict_json.from_json(EnvironmentsAnswer, json.loads(done.stdout))
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc


def plan_environment(
    agent: DeployedAgent,
    there: EnvironmentsAnswer,
    name: str,
    packages: Sequence[str],
    cache: Path,
    *,
    upgrade: bool = False,
) -> EnvironmentPlan:
    """What it takes that the environment is there; asks the package index only where something must be made.

    ``upgrade``: also where it is there, for newer versions. Raises DeviceNotReady where no wheels fit.
    """
    found = there.environments.get(name)
    packages = that_fit(packages, there.python)
    reason = _why(found, packages, there.python)
    if reason is None and not upgrade:
        return EnvironmentPlan(name, packages, "it is there")
    tags, wanted = wheel_tags(agent.name, there.python), with_wheels(packages, there.python, cache)
    wheels = resolve(agent.name, wanted, there.python, tags, cache)
    if found is not None and reason is None and found.id == _id(there.python, packages, wheels):
        return EnvironmentPlan(name, packages, "it is there, and nothing newer fits")
    absent = absent_blobs(agent, [w.wheel.blob for w in wheels])
    names = tuple(w.wheel.file for w in wheels if w.wheel.blob in absent)
    total = sum(blob.size_bytes for blob in absent)
    return EnvironmentPlan(name, packages, reason or "there are newer versions", wheels, names, total)


def _why(found: MadeEnvironment | None, packages: Sequence[str], python: PythonFacts) -> str | None:
    """Why it must be made; None where what is there is what is wanted."""
    if found is None:
        return "it is not there"
    if not found.starts:
        return f"its Python {found.base} has gone"
    if (found.base, found.python, found.wrapper) != (python.base, python.version_text, python.wrapper):
        return f"it was made for Python {found.python} at {found.base}"
    if found.packages != tuple(packages):
        return f"it was made of {', '.join(found.packages)}"
    return None


def make_environment(
    agent: DeployedAgent, facts: PythonFacts, plan: EnvironmentPlan, on_progress: OnProgress | None = None
) -> EnvironmentReport:
    """Pushes the wheels that are absent, and has the device make the environment of them; the old one stays until then.

    Raises DeviceNotReady where it cannot be made there, with the device's reason.
    """
    report = push_blobs(agent, [(w.path, w.wheel.blob) for w in plan.wheels], on_progress)
    request = EnvironmentRequest(
        name=plan.name,
        id=_id(facts, plan.packages, plan.wheels),
        packages=plan.packages,
        imports=tuple(normalized(requirement(text).name) for text in plan.packages),
        wheels=tuple(w.wheel for w in plan.wheels),
        wrapper=facts.wrapper,
    )
    argv = agent.argv("environment-install")
    text = json.dumps(strict_json.to_json(request)).encode()
    done = agent.transport.exec(argv, stdin=text, timeout_s=INSTALL_TIMEOUT_S)
    if not done.ok:
        said = refused(agent.name, agent.root, argv, done)
        if isinstance(said, DeviceNotReady):
            raise said
        raise DeviceNotReady(
            f"the environment {plan.name} could not be made on {agent.name}: {said.message.partition(': ')[2]}",
            hint="what was there before is still there, and still used",
        )
    try:
        made = strict_json.from_json(MadeEnvironment, json.loads(done.stdout))
    except ValueError as exc:
        raise not_understood(agent.name, argv, done, exc) from exc
    return EnvironmentReport(made, report.bytes_sent)


def _id(facts: PythonFacts, packages: Sequence[str], wheels: Iterable[LocalWheel]) -> str:
    """12 hex digits over all that would make it another environment."""
    made_of = sorted(w.wheel.blob.sha256 for w in wheels)
    parts = [_FORMAT, facts.base, facts.version_text, facts.wrapper, list(packages), made_of]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
