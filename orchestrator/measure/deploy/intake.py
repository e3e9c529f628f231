"""Agent, files and a command in one go: one connection, one channel, one Python on the device.

``deploy``, ``push_blobs`` and ``exec`` say more and take six Pythons there; this is for many devices at once.
"""

import binascii
import functools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import wire
from orchestrator.errors import CommandFailed, DeviceError, Unreachable
from orchestrator.measure.deploy import device_check, device_intake
from orchestrator.measure.deploy.agent import json_object
from orchestrator.measure.deploy.archive import AgentArchive
from orchestrator.measure.deploy.find_python import pythons_of
from orchestrator.measure.deploy.not_ready import cannot_write, no_python
from orchestrator.measure.deploy.patience import through_lost_links
from orchestrator.measure.deploy.push import DEFAULT_ROOT, deploy_bare, push_blobs
from orchestrator.measure.transports.base import COPY_TIMEOUT_S, NO_ROOM, Completed, OnBytes, Transport, tail
from orchestrator.measure.transports.command import Command, ended
from orchestrator.measure.transports.remote import RemoteTransport

# A device that is away in the middle of it is waited for so long; it holds up none of the others.
LINK_PATIENCE_S = 60.0
PIECE_BYTES = 1 << 18
# The first Python that is there; it goes on to the next one by itself where it is too old. Compressed, because a small
# server takes lines of 9,000 bytes (dropbear), and base64, because then nothing needs quoting.
_FIRST = (
    'root=$1 code=$2; shift 2; while [ $# -gt 0 ]; do p=$1; shift; case $p in "~/"*) p=$HOME/${p#"~/"};; esac; '
    'command -v "$p" >/dev/null 2>&1 && exec "$p" -I -S -c "$code" "$root" "$@"; done; exit 10'
)
_DAMAGED = "what arrived has sha256"
_GOES_ON = "give the same command again: what has arrived is not sent again"


@dataclass(frozen=True)
class Intake:
    """What every device is to have and do: ``files`` below ``blobs/``, and then ``argv``, where there is one.

    In ``argv``, ``{root}``, ``{python}`` and ``{agent}`` stand for their paths there, and the word ``{files}`` for
    those of all files.
    """

    archive: AgentArchive
    files: tuple[tuple[Path, wire.Blob], ...] = ()
    argv: tuple[str, ...] = ()
    timeout_s: float = COPY_TIMEOUT_S

    def __post_init__(self) -> None:
        if any("\0" in word for word in self.argv):
            raise ValueError(f"arguments must not hold NUL, got {list(self.argv)}")


@dataclass(frozen=True)
class TookIn:
    """What a device got: the names that were sent, and what the command said; None where there was none."""

    pushed: tuple[str, ...]
    bytes_sent: int
    completed: Completed | None


def take_in(
    transport: Transport,
    intake: Intake,
    root: str | None = None,
    *,
    python: str | None = None,
    on_bytes: OnBytes | None = None,
    link_patience_s: float = LINK_PATIENCE_S,
) -> TookIn:
    """Everything that is absent is sent, proven there and on its disk before it has a name; then the command runs.

    A lost link is waited for, and what had arrived is not sent again; but nothing runs a command twice. Raises
    DeviceNotReady for a full disk or no Python >= 3.9, CommandFailed for what could not be written and for a command
    that does not end within the intake's ``timeout_s``, Unreachable. A command that fails is an answer.
    """
    if not isinstance(transport, RemoteTransport):
        return _step_by_step(transport, intake, root, python)
    visit = _Visit(transport, intake, root or DEFAULT_ROOT, python, on_bytes)
    through_lost_links(transport, visit.bring, goes_on=_GOES_ON, patience_s=link_patience_s)
    return visit.outcome()


def _step_by_step(transport: Transport, intake: Intake, root: str | None, python: str | None) -> TookIn:
    """The same by the longer way, which needs no command that is answered while it runs: this machine."""
    agent = deploy_bare(transport, intake.archive, root, python=python)
    report = push_blobs(agent, intake.files)
    if not intake.argv:
        return TookIn(report.pushed, report.bytes_sent, None)
    paths = [agent.archive_path, *(f"{agent.root}/blobs/{blob.file_name}" for _, blob in intake.files)]
    argv = device_intake.filled_in(list(intake.argv), agent.root, agent.python, paths)
    return TookIn(report.pushed, report.bytes_sent, transport.exec(argv, timeout_s=intake.timeout_s))


class _Visit:
    """Attempts on one device, until its files are there and its command has begun."""

    def __init__(
        self, transport: RemoteTransport, intake: Intake, root: str, python: str | None, on_bytes: OnBytes | None
    ) -> None:
        self._transport, self._intake, self._root, self._on_bytes = transport, intake, root, on_bytes
        self._pythons = pythons_of(transport, python, root)
        archive = intake.archive
        name = Path(device_check.archive_path("", archive.sha256)).name
        self._files = [(archive.path, name, archive.sha256, archive.size_bytes, True)]
        self._files += [(path, f"blobs/{b.file_name}", b.sha256, b.size_bytes, False) for path, b in intake.files]
        self._pushed: dict[str, None] = {}
        self._bytes_sent = 0
        self._completed: Completed | None = None
        self._lost: Unreachable | None = None

    def outcome(self) -> TookIn:
        """Raises Unreachable where the link was lost while the command ran."""
        if self._lost is not None:
            raise self._lost
        return TookIn(tuple(self._pushed), self._bytes_sent, self._completed if self._intake.argv else None)

    def bring(self) -> None:
        """Raises Unreachable only where all of it may be done once more."""
        done, said = self._once()
        if done is not None and _DAMAGED in tail(done.stderr):
            # What a power cut has left of an earlier attempt; it is gone now.
            done, said = self._once()
        if done is not None:
            raise self._refusal(done, said)

    def _once(self) -> tuple[Completed | None, list[dict[str, Any]]]:
        """How it ended before all was there, and what the device had said until then; None where all is there."""
        argv = ["sh", "-c", _FIRST, "sh", self._root, _code(), *self._pythons]
        with self._transport.running(argv, self._intake.timeout_s) as command:
            said = _Said(command.read())
            command.send(self._order())
            answer = said.until("lacks")
            if answer is not None:
                self._send(command, answer["lacks"])
            command.end_stdin()
            if answer is None or said.until("placed") is None:
                return ended(command, said.rest()), said.seen
            self._follow(command, said)
        return None, said.seen

    def _order(self) -> bytes:
        words = [str(len(self._files))]
        for _, name, sha256, size, prove in self._files:
            words += [name, sha256, str(size), "prove" if prove else ""]
        body = "\0".join([*words, *self._intake.argv]).encode("utf-8", "surrogateescape")
        return b"%d\n%b" % (len(body), body)

    def _send(self, command: Command, lacks: list[list[int]]) -> None:
        """Stops where the device reads no further; it says why."""
        for number, there in lacks:
            path, name = self._files[number][:2]
            with path.open("rb", buffering=0) as file:
                file.seek(there)
                while piece := file.read(PIECE_BYTES):
                    if not command.send(piece):
                        return
                    self._bytes_sent += len(piece)
                    if self._on_bytes:
                        self._on_bytes(len(piece))
            self._pushed[name] = None

    def _follow(self, command: Command, said: "_Said") -> None:
        try:
            self._completed = ended(command, said.rest())
        except Unreachable as exc:
            self._lost = Unreachable(
                f"{exc.message}, while {self._intake.argv[0]} ran" if self._intake.argv else exc.message,
                hint="the files are there; whether the command went through to its end is not known",
            )

    def _refusal(self, done: Completed, said: list[dict[str, Any]]) -> DeviceError:
        name, reason = self._transport.name, tail(done.stderr)
        if done.exit_code == device_intake.UNFIT:
            return no_python(name, self._pythons, said)
        if done.exit_code == device_intake.BROKEN and (not said or any(text in reason for text in NO_ROOM)):
            return cannot_write(name, self._root, reason)
        return CommandFailed(
            f"{name} could not take the files: {reason or 'no reason given'}",
            argv=("python", "-c", "device_intake"),
            exit_code_remote=done.exit_code,
            stderr_tail=reason,
        )


class _Said:
    """What a device says: lines of JSON, among what its login scripts may print, and then something else."""

    def __init__(self, reading: Iterator[bytes]) -> None:
        self._reading = reading
        self._waiting = b""
        self.seen: list[dict[str, Any]] = []

    def until(self, key: str) -> dict[str, Any] | None:
        """The first object that has ``key``; None where there is none to the end."""
        while True:
            line, newline, rest = self._waiting.partition(b"\n")
            if not newline:
                data = next(self._reading, b"")
                if not data:
                    return None
                self._waiting += data
                continue
            self._waiting = rest
            found = json_object(line)
            if found is not None:
                self.seen.append(found)
                if key in found:
                    return found

    def rest(self) -> bytes:
        return self._waiting + b"".join(self._reading)


@functools.cache
def _code() -> str:
    """The program that runs on the device, as a line of Python."""
    source = Path(device_intake.__file__).read_bytes()
    packed = binascii.b2a_base64(zlib.compress(source, 9), newline=False).decode()
    return f'import binascii,zlib;exec(zlib.decompress(binascii.a2b_base64("{packed}")))'
