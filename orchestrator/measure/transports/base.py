"""What every transport offers, and the few things that all of them share."""

import os
import secrets
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self

from orchestrator.errors import CommandFailed, DeviceError, DeviceNotReady, EarshotError

DEFAULT_TIMEOUT_S = 30.0
# For a whole file; a link that is dead is noticed much earlier.
COPY_TIMEOUT_S = 3600.0
TAIL_BYTES = 2000
# What ENOSPC and EDQUOT read like in the C locale: glibc, musl, bionic.
NO_ROOM = ("No space left on device", "Disk quota exceeded", "Quota exceeded")
# What the shell says for a program that is not there or cannot be executed (POSIX 2.8.2).
EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE = 127, 126

OnLine = Callable[[bytes], None]
OnBytes = Callable[[int], None]
# From what the device says it has to the pieces that it lacks, each as parts to be sent one after another.
PiecesOf = Callable[[bytes], Iterator[tuple[bytes, ...]]]


@dataclass(frozen=True)
class Completed:
    """A command that ended. ``exit_code`` is None where a signal ended it."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


class Transport(Protocol):
    """One open way to one device. Serves one thread at a time; ``close`` may come from any thread.

    Commands start in the user's home and are argv lists: no argument is ever read by a shell. All raise Unreachable
    when the link is lost, CommandFailed when ``timeout_s`` passes (the command is ended where the transport can do so).
    """

    @property
    def name(self) -> str:
        """What the user calls the device."""
        ...

    @property
    def kind(self) -> str:
        """``local``, ``ssh``, ``adb``."""
        ...

    def exec(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S) -> Completed:
        """Run to the end. A command that fails is an answer, not an error."""
        ...

    def stream(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S, on_line: OnLine
    ) -> Completed:
        """Run and hand over each line of stdout, its newline included, as it comes.

        ``Completed.stdout`` is the rest after the last newline.
        """
        ...

    def send(
        self,
        argv: Sequence[str],
        local: Path,
        *,
        timeout_s: float = COPY_TIMEOUT_S,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        """Run with a file as stdin. ``on_bytes`` gets the size of each piece that was handed over."""
        ...

    def push(self, local: Path, remote: str, *, on_bytes: OnBytes | None = None) -> None:
        """Copy a file to exactly ``remote``, whose folder exists. Not atomic: a cut link leaves a part of it.

        Raises DeviceNotReady when the disk is full.
        """
        ...

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file here; ``local`` appears only once it is whole and on the disk."""
        ...

    def reconnect(self) -> None:
        """Drop the connection and make a new one. Raises Unreachable, HostKeyRefused, LoginRefused."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...


class LineSplitter:
    """Cuts a byte stream into lines; what follows the last newline waits in ``rest``."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self.rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._on_line(line + b"\n")


def shell_line(argv: Sequence[str]) -> str:
    """The one place where an argv becomes a line for a shell. Raises ValueError for NUL, which no argument can hold."""
    if any("\0" in argument for argument in argv):
        raise ValueError(f"arguments must not hold NUL, got {list(argv)}")
    return shlex.join(argv)


def tail(output: bytes) -> str:
    """The end of a command's output, for an error message."""
    return output[-TAIL_BYTES:].decode("utf-8", "replace").strip()


def check(completed: Completed, argv: Sequence[str], what: str) -> bytes:
    """stdout of a command that must not fail. Raises CommandFailed that says ``what`` was tried."""
    if completed.ok:
        return completed.stdout
    ended = "was killed" if completed.exit_code is None else f"ended with exit code {completed.exit_code}"
    stderr_tail = tail(completed.stderr) or tail(completed.stdout)
    raise CommandFailed(
        f"{what}: {argv[0]} {ended}" + (f": {stderr_tail}" if stderr_tail else ""),
        argv=argv,
        exit_code_remote=completed.exit_code,
        stderr_tail=stderr_tail,
    )


def timed_out(name: str, argv: Sequence[str], timeout_s: float, stderr: bytes) -> CommandFailed:
    return CommandFailed(
        f"{argv[0]} on {name} did not end within {timeout_s:g} s",
        argv=argv,
        exit_code_remote=None,
        stderr_tail=tail(stderr),
        hint="is the device busy or asleep? try again, or allow more time",
    )


def upload_failed(name: str, remote: str, reason: str, argv: Sequence[str], exit_code: int | None) -> DeviceError:
    """The error for a file that could not be written on the device; a full disk is told apart."""
    if any(text in reason for text in NO_ROOM):
        return no_room(name, remote)
    return CommandFailed(
        f"cannot write {remote} on {name}: {reason or 'no reason given'}",
        argv=argv,
        exit_code_remote=exit_code,
        stderr_tail=reason,
    )


def no_room(name: str, where: str) -> DeviceNotReady:
    return DeviceNotReady(
        f"no room left on {name}: cannot write {where}",
        hint="free some space there, or set root in lab.toml to a folder on a larger disk",
    )


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under ``path`` only when the block ends well: temporary name, fsync, rename.

    Raises EarshotError when it cannot be written here.
    """
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as exc:
        raise EarshotError(
            f"cannot write {path}: {exc.strerror or exc}", hint="is there room, and may you write there?"
        ) from exc
    finally:
        part.unlink(missing_ok=True)
