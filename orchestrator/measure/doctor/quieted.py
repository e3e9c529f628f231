"""A device quieted for the time of a measurement, and as it was before afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.errors import DeviceError, LeaseLost, Unreachable
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.repair import Hands, Outcome, apply, hands, undo
from orchestrator.measure.lab import device_lease
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import open_transport
from orchestrator.measure.transports.base import Transport

Tell = Callable[[str], None]


@contextmanager
def quieted(agent: DeployedAgent, device: Device, tell: Tell, *, wanted: bool = True) -> Iterator[None]:
    """Around one run. First undoes what a killed controller left behind; with ``wanted`` makes every change that the
    doctor proposes and that is permitted; afterwards undoes all, also what ``earshot devices doctor --fix`` had done.

    Where the link is gone at the end, the device's journal keeps the way back for the next run.
    """
    if wanted or undo_journal.is_there(agent):
        with phone_shell(agent, device) as shell:
            use = hands(agent, sudo=device.sudo, shell=shell)
            _tell_undone(undo(use, [undo_journal.SESSION]), agent.name, tell)
            if wanted:
                _quiet(use, tell)
    try:
        yield
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


def _quiet(use: Hands, tell: Tell) -> None:
    # All that the doctor knows, for the few runs that want it.
    from orchestrator.measure.doctor.diagnose import examine

    _, findings = examine(use.agent, use.shell, sudo=use.sudo)
    for outcome in apply(use, [change for finding in findings for change in finding.fix], undo_journal.SESSION):
        if outcome.problem is None:
            tell(f"{use.agent.name}: {outcome.change.shown}")
        else:
            tell(f"{use.agent.name}: not done: {outcome.change.shown}: {outcome.problem}")


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
