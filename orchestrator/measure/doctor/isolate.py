"""The steps of isolation that change a device, as changes that are made and undone like the doctor's own.

Priority is none of them: a session asks for it itself, and it ends with the session.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from agents.cpu_list import cpu_list
from agents.doctor.facts import DoctorFacts
from agents.jetson import parse_power_mode_number
from orchestrator.domain.isolation import CLOCKS, GOVERNOR, IRQ, POWER_MODE, IsolationStep, power_mode_of
from orchestrator.measure.doctor import cpu_rules
from orchestrator.measure.doctor.finding import ADB_SHELL, OK, Change, Finding
from orchestrator.measure.doctor.irq_rules import moved_away
from orchestrator.measure.doctor.isolation import Isolation
from orchestrator.measure.doctor.repair import Hands, Outcome

# PowerManagerShellCommand of AOSP, since Android 11.
_FIXED_PERFORMANCE = ("cmd", "power", "set-fixed-performance-mode-enabled")
_FIRST_WITH_FIXED_PERFORMANCE = 11


@dataclass(frozen=True)
class Proposal:
    """A step with its changes. None of them: ``so`` tells whether it is so already, and ``why`` either way."""

    name: str
    changes: tuple[Change, ...] = ()
    so: bool = False
    why: str = ""

    def outcome(self, outcomes: dict[Change, Outcome]) -> IsolationStep:
        """What came of it, once the changes were tried."""
        if not self.changes:
            return IsolationStep(self.name, self.so, self.why)
        mine = [outcomes[change] for change in self.changes]
        failed = [outcome for outcome in mine if outcome.problem is not None]
        if self.name == IRQ:
            return _moved(mine, failed, self.why)
        if failed:
            return IsolationStep(self.name, False, f"{failed[0].change.shown}: {failed[0].problem}")
        return IsolationStep(self.name, True, "; ".join(change.shown for change in self.changes))


def _moved(mine: Sequence[Outcome], failed: Sequence[Outcome], where: str) -> IsolationStep:
    """Some interrupts belong to one core and cannot be moved; those that can are worth it."""
    moved = len(mine) - len(failed)
    stay = f"; {len(failed)} cannot be moved ({failed[0].problem})" if failed else ""
    return IsolationStep(IRQ, moved > 0, f"{moved} of {len(mine)} interrupts moved off CPUs {where}{stay}")


def proposals(
    asked: Isolation, facts: DoctorFacts, findings: Sequence[Finding], cores: Sequence[int], *, quiet: bool
) -> list[Proposal]:
    """One for each step that changes the device, and with ``quiet`` one for all else that the doctor would mend."""
    found = [Proposal(f.check, f.fix) for f in findings if quiet and f.fix]
    there = {proposal.name for proposal in found}
    by_check = {finding.check: finding for finding in findings}
    if GOVERNOR in asked.steps and GOVERNOR not in there:
        # Whatever jetson_clocks would do, if it was asked for.
        own = by_check[GOVERNOR] if CLOCKS in asked.steps or quiet else cpu_rules.governor(facts)
        found.append(_governor(own, cpu_rules.frequency(facts)))
    if CLOCKS in asked.steps and "jetson-clocks" not in there:
        found.append(_clocks(facts, by_check.get("jetson-clocks")))
    number = power_mode_of(asked.steps)
    if number is not None:
        found.append(_power_mode(facts, number))
    if IRQ in asked.steps:
        changes = moved_away(facts, asked.keep_free, cores)
        where = cpu_list(asked.keep_free)
        none = Proposal(IRQ, so=True, why=f"no interrupt was on CPUs {where}")
        if isinstance(changes, str):
            found.append(Proposal(IRQ, why=changes))
        else:
            found.append(Proposal(IRQ, changes, why=where) if changes else none)
    return found


def _governor(governor: Finding, cap: Finding) -> Proposal:
    changes = governor.fix + cap.fix
    so = governor.severity == OK
    return Proposal(GOVERNOR, changes, so, governor.seen if so else governor.advice or governor.seen)


def _clocks(facts: DoctorFacts, jetson: Finding | None) -> Proposal:
    if jetson is not None:
        return Proposal(CLOCKS, jetson.fix, jetson.severity == OK, jetson.seen)
    if facts.android is None:
        return Proposal(CLOCKS, why="neither a Jetson nor Android: --isolate governor is what there is")
    if facts.android.release < _FIRST_WITH_FIXED_PERFORMANCE:
        return Proposal(CLOCKS, why=f"Android {facts.android.release} has no fixed performance mode, 11 brought it")
    # What it was before, nothing tells: only who measures switches it on.
    on, off = ((*_FIXED_PERFORMANCE, word) for word in ("true", "false"))
    return Proposal(CLOCKS, (Change(on, off, through=ADB_SHELL),))


def _power_mode(facts: DoctorFacts, number: int) -> Proposal:
    """nvpmodel asks before a restart. A no leaves the mode as it was, so that one that needs it is not taken."""
    name = f"{POWER_MODE}={number}"
    now = facts.jetson.mode_number if facts.jetson else None
    if facts.jetson is None or now is None:
        return Proposal(name, why=facts.absent.get("power-mode", "not a Jetson: nvpmodel is not there"))
    if now == number:
        return Proposal(name, so=True, why=f"nvpmodel {facts.jetson.mode} already")
    to, back = (("nvpmodel", "-m", str(mode)) for mode in (number, now))
    return Proposal(name, (Change(to, back, "no\n", "no\n", needs_root=True),))


def checked(step: IsolationStep, use: Hands) -> IsolationStep:
    """A power mode as nvpmodel tells it now: its exit code says nothing about a mode that it did not take."""
    wanted = power_mode_of([step.name])
    if wanted is None or not step.done:
        return step
    done = use.agent.transport.exec(["nvpmodel", "-q"])
    with suppress(ValueError):
        if parse_power_mode_number(done.stdout.decode("utf-8", "replace")) == wanted:
            return step
    return IsolationStep(step.name, False, "nvpmodel did not take it: such a mode needs a restart, or is not there")
