"""A device quieted for the time of a measurement, and as it was before afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.domain.isolation import IRQ, IsolationStep
from orchestrator.errors import DeviceError, LeaseLost, Unreachable
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.finding import Change
from orchestrator.measure.doctor.isolation import NOTHING, Isolation
from orchestrator.measure.doctor.repair import Hands, Outcome, apply, hands, undo
from orchestrator.measure.lab import device_lease
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.transports.base import Transport

if TYPE_CHECKING:
    from orchestrator.measure.doctor.isolate import Proposal

Tell = Callable[[str], None]


@contextmanager
def quieted(
    agent: DeployedAgent, device: Device, tell: Tell, *, wanted: bool = True, asked: Isolation = NOTHING
) -> Iterator[tuple[IsolationStep, ...]]:
    """Around one run. First undoes what a killed controller left behind; with ``wanted`` makes every change that the
    doctor proposes and that is permitted, and the steps of isolation that were ``asked`` for; gives what came of each.
    Afterwards undoes all, also what ``earshot devices doctor --fix`` had done.

    Where the link is gone at the end, the device's journal keeps the way back for the next run.
    """
    steps: tuple[IsolationStep, ...] = ()
    wanted_any = wanted or asked.changes_device
    if wanted_any or undo_journal.is_there(agent):
        with phone_shell(agent, device) as shell:
            use = hands(agent, sudo=device.sudo, shell=shell)
            _tell_undone(undo(use, [undo_journal.SESSION]), agent.name, tell)
            if wanted_any:
                try:
                    steps = _quiet(use, asked, tell, wanted=wanted)
                except BaseException:
                    _restore(agent, device, tell)
                    raise
    try:
        yield steps
    except LeaseLost:
        # Whoever has the device now has undone it already, or measures with it as it is.
        raise
    except BaseException:
        _restore(agent, device, tell)
        raise
    _restore(agent, device, tell)


def put_back(agent: DeployedAgent, device: Device, tell: Tell) -> None:
    """Undo all that quieted the device, unless somebody measures on it now. Raises Unreachable, CommandFailed."""
    if undo_journal.is_there(agent) and device_lease.show(agent).granted:
        _undo_all(agent, device, tell)


def _quiet(use: Hands, asked: Isolation, tell: Tell, *, wanted: bool) -> tuple[IsolationStep, ...]:
    # All that the doctor knows, for the few runs that want it.
    from orchestrator.measure.doctor.diagnose import examine
    from orchestrator.measure.doctor.isolate import checked, proposals

    facts, findings = examine(use.agent, use.shell, sudo=use.sudo)
    cores = [core.cpu for core in use.agent.probe.cores]
    found = proposals(asked, facts, findings, cores, quiet=wanted)
    made = apply(use, [change for proposal in found for change in proposal.changes], undo_journal.SESSION)
    outcomes = {outcome.change: outcome for outcome in made}
    steps = tuple(checked(proposal.outcome(outcomes), use) for proposal in found)
    for proposal, step in zip(found, steps, strict=True):
        for line in _lines(proposal, step, outcomes):
            tell(f"{use.agent.name}: {line}")
    return steps


def _lines(proposal: "Proposal", step: IsolationStep, outcomes: dict[Change, Outcome]) -> list[str]:
    """Each command; of interrupts, of which there are many, how many; of what was done in vain, that."""
    made = [outcomes[change] for change in proposal.changes]
    if step.name == IRQ or (not step.done and all(o.problem is None for o in made)) or not made:
        return [str(step)]
    return [o.change.shown if o.problem is None else f"not done: {o.change.shown}: {o.problem}" for o in made]


def _restore(agent: DeployedAgent, device: Device, tell: Tell) -> None:
    try:
        try:
            _undo_all(agent, device, tell)
        except Unreachable:
            agent.transport.reconnect()
            _undo_all(agent, device, tell)
    except DeviceError as exc:
        tell(
            f"{agent.name} is not yet as it was before: {exc.message}; the next run undoes it, or: "
            f"earshot devices doctor {agent.name} --undo"
        )


def _undo_all(agent: DeployedAgent, device: Device, tell: Tell) -> None:
    if undo_journal.is_there(agent):
        with phone_shell(agent, device) as shell:
            _tell_undone(undo(hands(agent, sudo=device.sudo, shell=shell)), agent.name, tell)


def _tell_undone(outcomes: Sequence[Outcome], name: str, tell: Tell) -> None:
    for outcome in outcomes:
        if outcome.problem is not None:
            tell(f"{name}: not undone: {outcome.change.undo_shown}: {outcome.problem}")
    if any(outcome.problem is None for outcome in outcomes):
        tell(f"{name}: as it was before")


@contextmanager
def phone_shell(agent: DeployedAgent, device: Device) -> Iterator[Transport | None]:
    """The adb shell of a phone: the agent's own transport, or that of the ADB device which the way goes through."""
    if device.transport == "adb" and device.run_as is None:
        yield agent.transport
        return
    phone = replace(device, run_as=None) if device.transport == "adb" else device.via
    if phone is None or phone.transport != "adb":
        yield None
        return
    with open_transport(phone) as shell:
        yield shell
