"""``earshot devices doctor``: look at devices, quiet them, or take back what quieted them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.observer import OnOff
from orchestrator.errors import DeviceHeld, EarshotError
from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.diagnose import examine
from orchestrator.measure.doctor.finding import HARM, SEVERITIES, UNKNOWN, Finding
from orchestrator.measure.doctor.observer_rules import CHECK, observer_finding
from orchestrator.measure.doctor.quieted import phone_shell
from orchestrator.measure.doctor.repair import Hands, Outcome, apply, hands, undo
from orchestrator.measure.lab import device_lease
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.observer import known_on_off, measure_on_off
from orchestrator.workflows.prepare import deploy_agent
from orchestrator.workflows.progress import Progress, Silent

LOOK, FIX, UNDO = "look", "fix", "undo"
_AT_ONCE = 8


@dataclass(frozen=True)
class Visit:
    """One device. ``outcomes`` of what was changed (or changed back); ``waiting``: undo entries still on the device.
    ``held_by``: who measures there now, so that its load is what the doctor saw. ``on_off``: what observing costs
    there, where that was measured. ``error``: why nothing is known.
    """

    device: str
    findings: tuple[Finding, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    waiting: int = 0
    held_by: str | None = None
    released: bool = False
    agent_sha256: str | None = None
    on_off: OnOff | None = None
    error: EarshotError | None = None

    @property
    def passed(self) -> bool:
        return self.error is None and not any(finding.severity == HARM for finding in self.findings)


def visit_all(
    devices: Sequence[Device], action: str, progress: Progress, ledger: Path | None = None, *, observer: bool = False
) -> list[Visit]:
    """In the order of ``devices``; what fails on one leaves the others alone. A device in quarantine that passes is let
    out, where ``ledger`` is one. ``observer``: measure there what observing costs, and record it in the ledger.
    """
    progress.stage("doctor", steps=len(devices))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        visits = []
        for visit in pool.map(lambda device: _visit(device, action), devices):
            progress.step(visit.device)
            visits.append(visit)
    observed = [_observed(v, d, ledger, progress, observer) for v, d in zip(visits, devices, strict=True)]
    return [released(visit, ledger) for visit in observed]


def _observed(visit: Visit, device: Device, path: Path | None, progress: Progress, measure: bool) -> Visit:
    """With what observing costs there: measured now, or as the ledger has it."""
    if visit.error is not None or path is None:
        return visit
    found = None
    try:
        found = measure_on_off(device, path, progress) if measure else known_on_off(path, device.name)
        finding = observer_finding(found, device.name, visit.agent_sha256)
    except EarshotError as exc:
        finding = Finding(CHECK, UNKNOWN, exc.message, advice=exc.hint or "")
    findings = sorted((*visit.findings, finding), key=lambda f: SEVERITIES.index(f.severity))
    return replace(visit, findings=tuple(findings), on_off=found)


def _visit(device: Device, action: str) -> Visit:
    try:
        with _arrived(device) as (agent, use):
            return _look(agent, use, action)
    except EarshotError as exc:
        return Visit(device.name, error=exc)


@contextmanager
def _arrived(device: Device) -> Iterator[tuple[DeployedAgent, Hands]]:
    agent, _ = deploy_agent(device, Silent())
    with agent.transport, phone_shell(agent, device) as shell:
        yield agent, hands(agent, sudo=device.sudo, shell=shell)


def _look(agent: DeployedAgent, use: Hands, action: str) -> Visit:
    holder = device_lease.show(agent)
    held_by = holder.fence.holder if holder.fence is not None and not holder.granted else None
    if holder.fence is not None and held_by is not None and action != LOOK:
        raise DeviceHeld(
            f"{agent.name} is held by {held_by}: nothing is changed on it now",
            expires_in_s=max(0.0, holder.fence.ttl_s - holder.silent_s),
            hint="look at it without --fix and --undo, or wait until it is free",
        )
    outcomes = undo(use) if action == UNDO else undo(use, [undo_journal.SESSION]) if action == FIX else []
    _, findings = examine(agent, use.shell, sudo=use.sudo)
    if action == FIX:
        outcomes = apply(use, [change for finding in findings for change in finding.fix], undo_journal.ASKED)
        if any(outcome.problem is None for outcome in outcomes):
            _, findings = examine(agent, use.shell, sudo=use.sudo)
    waiting = len(undo_journal.entries(agent))
    return Visit(agent.name, tuple(findings), tuple(outcomes), waiting, held_by, agent_sha256=agent.archive_sha256)


def released(visit: Visit, path: Path | None) -> Visit:
    """A device in quarantine that has nothing harmful is let out; ``path``: the ledger, where there is one."""
    if path is None or not path.exists() or not visit.passed:
        return visit
    with Ledger.open(path) as ledger:
        if not health.health_of(ledger, visit.device).quarantined:
            return visit
        return replace(visit, released=health.release_quarantine(ledger, visit.device, "a passed doctor"))
