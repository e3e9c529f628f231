"""Makes changes on a device and takes them back. The way back is on its disk before the change is made."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.errors import CommandFailed
from orchestrator.measure.deploy.agent import DeployedAgent
from orchestrator.measure.doctor import undo_journal
from orchestrator.measure.doctor.finding import ADB_SHELL, Change
from orchestrator.measure.doctor.undo_journal import UndoEntry
from orchestrator.measure.transports.base import Transport, tail

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Outcome:
    """``problem``: why the change (or its undo) was not made; None where it was."""

    change: Change
    problem: str | None = None


@dataclass(frozen=True)
class Hands:
    """What may be used on a device: its agent's own user, ``sudo -n`` where the lab file says so, and the phone's adb
    shell (``shell``) where there is one. No password is ever asked for or sent.
    """

    agent: DeployedAgent
    sudo: bool = False
    shell: Transport | None = None
    is_root: bool = False

    def missing(self, change: Change) -> str | None:
        """What is missing for ``change``; None where it may be tried."""
        if change.through == ADB_SHELL and self.shell is None:
            return "needs the adb shell: reach the phone over ADB, or name it as jump of this device in lab.toml"
        if change.needs_root and not (self.is_root or self.sudo):
            return "needs root: set sudo = true for this device in lab.toml where sudo -n works, or log in as root"
        return None

    def run(self, change: Change) -> str | None:
        """The problem in words, None where there was none. Raises Unreachable."""
        transport, argv = self.agent.transport, change.argv
        if change.through == ADB_SHELL and self.shell is not None:
            transport = self.shell
        elif change.needs_root and not self.is_root:
            argv = ("sudo", "-n", *argv)
        try:
            done = transport.exec(argv, stdin=change.stdin.encode(), timeout_s=_TIMEOUT_S)
        except CommandFailed as exc:
            return exc.message
        if done.ok:
            return None
        said = tail(done.stderr) or tail(done.stdout) or f"exit code {done.exit_code}"
        return f"{said} (allow it without a password in sudoers)" if "password" in said and argv[0] == "sudo" else said

    def holds(self, path: str) -> str | None:
        """What the file holds now; None where it cannot be read."""
        done = self.agent.transport.exec(["cat", path], timeout_s=_TIMEOUT_S)
        return done.stdout.decode("utf-8", "replace").strip() if done.ok else None


def hands(agent: DeployedAgent, *, sudo: bool, shell: Transport | None = None) -> Hands:
    """Raises Unreachable."""
    uid = agent.transport.exec(["id", "-u"], timeout_s=_TIMEOUT_S)
    return Hands(agent, sudo, shell, uid.ok and uid.stdout.strip() == b"0")


def apply(use: Hands, changes: Sequence[Change], until: str) -> list[Outcome]:
    """Make what may be made, one after the other; what fails stops nothing. Raises CommandFailed where the way back
    cannot be written, and then nothing was changed.
    """
    outcomes = {change: use.missing(change) for change in changes}
    possible = tuple(change for change, missing in outcomes.items() if missing is None)
    if possible:
        made_utc = datetime.now(UTC).isoformat(timespec="seconds")
        undo_journal.add(use.agent, UndoEntry(secrets.token_hex(8), made_utc, until, possible))
    for change in possible:
        outcomes[change] = use.run(change)
    return [Outcome(change, problem) for change, problem in outcomes.items()]


def undo(use: Hands, until: Sequence[str] = (undo_journal.SESSION, undo_journal.ASKED)) -> list[Outcome]:
    """Take back the entries of these kinds, the last change first. What could not be taken back stays there."""
    outcomes: list[Outcome] = []
    for entry in reversed(undo_journal.entries(use.agent)):
        if entry.until in until:
            undone = [_take_back(use, change) for change in reversed(entry.changes)]
            outcomes += undone
            left = tuple(o.change for o in reversed(undone) if o.problem is not None)
            if left:
                undo_journal.add(use.agent, replace(entry, changes=left))
            else:
                undo_journal.drop(use.agent, entry)
    return outcomes


def _take_back(use: Hands, change: Change) -> Outcome:
    """A file that no longer holds what was written there is somebody else's by now, or the device has restarted."""
    if change.path is not None and use.holds(change.path) != change.stdin:
        return Outcome(change)
    problem = use.missing(change.undo) or use.run(change.undo)
    return Outcome(change, problem)
