"""A device behind an SSH server. Needs nothing there but ``sh`` and ``cat``: files travel by exec, not by SFTP."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.base import (
    COPY_TIMEOUT_S,
    DEFAULT_TIMEOUT_S,
    Completed,
    LineSplitter,
    OnBytes,
    OnLine,
    PiecesOf,
    check,
    shell_line,
    tail,
    timed_out,
    upload_failed,
    whole_file,
)
from orchestrator.measure.transports.ssh_command import READ_BYTES, Command
from orchestrator.measure.transports.ssh_config import SshTarget
from orchestrator.measure.transports.ssh_connect import CHECK_LINK, close_all, connect, mapped
from orchestrator.measure.transports.ssh_lanes import send_over_lanes


class SshTransport:
    """One connection, opened at once. Raises Unreachable, HostKeyRefused or LoginRefused.

    Closing a channel does not end its command: one that has timed out goes on until it notices its closed output.
    """

    kind = "ssh"

    def __init__(self, name: str, target: SshTarget) -> None:
        self.name = name
        self.target = target
        self._way = connect(target)

    def reconnect(self) -> None:
        self.close()
        self._way = connect(self.target)

    def close(self) -> None:
        close_all(self._way)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def exec(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S) -> Completed:
        stdout = bytearray()
        with self._running(argv, timeout_s) as command:
            command.write(stdin)
            for data in command.read():
                stdout += data
            return Completed(command.exit_code(), bytes(stdout), bytes(command.stderr))

    def stream(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S, on_line: OnLine
    ) -> Completed:
        splitter = LineSplitter(on_line)
        with self._running(argv, timeout_s) as command:
            command.write(stdin)
            for data in command.read():
                splitter.feed(data)
            return Completed(command.exit_code(), splitter.rest, bytes(command.stderr))

    def send(
        self,
        argv: Sequence[str],
        local: Path,
        *,
        timeout_s: float = COPY_TIMEOUT_S,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        stdout = bytearray()
        with local.open("rb") as file, self._running(argv, timeout_s) as command:
            while piece := file.read(READ_BYTES):
                if not command.send(piece):
                    break
                if on_bytes:
                    on_bytes(len(piece))
            command.end_stdin()
            for data in command.read():
                stdout += data
            return Completed(command.exit_code(), bytes(stdout), bytes(command.stderr))

    def send_over_lanes(
        self,
        collect: Sequence[str],
        take: Sequence[str],
        pieces_of: PiecesOf,
        *,
        timeout_s: float = COPY_TIMEOUT_S,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        """Run ``collect`` and several ``take`` side by side; each ``take`` reads pieces from its stdin.

        ``pieces_of`` gets the first line of ``collect`` and gives the pieces, each as parts; ``on_bytes`` gets the size
        of each piece's last part. The answer is that of ``collect``, or of the first ``take`` that failed.
        """
        return send_over_lanes(lambda argv: self._running(argv, timeout_s), collect, take, pieces_of, on_bytes)

    def push(self, local: Path, remote: str, *, on_bytes: OnBytes | None = None) -> None:
        argv = ["sh", "-c", 'LC_ALL=C; export LC_ALL; cat >"$1"', "sh", remote]
        done = self.send(argv, local, on_bytes=on_bytes)
        if not done.ok:
            raise upload_failed(self.name, remote, tail(done.stderr), argv, done.exit_code)

    def pull(self, remote: str, local: Path) -> None:
        argv = ["sh", "-c", 'cat <"$1"', "sh", remote]
        with whole_file(local) as file, self._running(argv, COPY_TIMEOUT_S) as command:
            command.write(b"")
            for data in command.read():
                file.write(data)
            completed = Completed(command.exit_code(), b"", bytes(command.stderr))
            check(completed, argv, f"cannot read {remote} on {self.name}")

    @contextmanager
    def _running(self, argv: Sequence[str], timeout_s: float) -> Iterator["Command"]:
        line = shell_line(argv)
        place = self.target.place
        if not self._way[-1].is_active():
            raise Unreachable(f"{place}: the link was lost", hint=CHECK_LINK)
        with contextlib.ExitStack() as stack:
            with mapped(place):
                channel = stack.enter_context(self._way[-1].open_session(timeout=timeout_s))
                channel.settimeout(timeout_s)
                channel.exec_command(line)
            command = Command(channel, place, time.monotonic() + timeout_s)
            try:
                yield command
            except TimeoutError:
                raise timed_out(self.name, argv, timeout_s, bytes(command.stderr)) from None
