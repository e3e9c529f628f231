"""A command that runs on a device, whatever carries it."""

from collections.abc import Iterator
from typing import IO, Protocol

from orchestrator.measure.transports.base import Completed, OnBytes


class Command(Protocol):
    """An ``ssh_command.SshCommand``, or an ``adb_shell.ShellCommand``."""

    stderr: bytearray

    def write(self, stdin: bytes) -> None:
        """All of stdin, which then ends."""
        ...

    def send(self, piece: bytes) -> bool:
        """False where the command does not read on: it has ended, or the link has; ``exit_code`` says which."""
        ...

    def send_file(self, file: IO[bytes], on_bytes: OnBytes | None) -> None:
        """The file as stdin, as far as the command reads it."""
        ...

    def end_stdin(self) -> None: ...

    def read(self) -> Iterator[bytes]:
        """stdout, piece by piece."""
        ...

    def exit_code(self) -> int | None:
        """Once all of stdout was read. None: a signal."""
        ...


def ended(command: Command, stdout: bytes) -> Completed:
    return Completed(command.exit_code(), stdout, bytes(command.stderr))
