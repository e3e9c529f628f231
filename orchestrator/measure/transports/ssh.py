"""A device behind an SSH server. Needs nothing there but ``sh`` and ``cat``: files travel by exec, not by SFTP."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, cast

import paramiko

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.base import (
    COPY_TIMEOUT_S,
    DEFAULT_TIMEOUT_S,
    Completed,
    LineSplitter,
    OnBytes,
    OnLine,
    check,
    shell_line,
    tail,
    timed_out,
    upload_failed,
    whole_file,
)
from orchestrator.measure.transports.ssh_config import SshTarget
from orchestrator.measure.transports.ssh_connect import CHECK_LINK, close_all, connect, mapped

READ_BYTES = 1 << 18
# Below any server's first window (dropbear: 24 KiB), so that writing it cannot wait for our own reading.
INLINE_STDIN_BYTES = 16 << 10


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
    def _running(self, argv: Sequence[str], timeout_s: float) -> Iterator["_Command"]:
        line = shell_line(argv)
        place = self.target.place
        if not self._way[-1].is_active():
            raise Unreachable(f"{place}: the link was lost", hint=CHECK_LINK)
        with contextlib.ExitStack() as stack:
            with mapped(place):
                channel = stack.enter_context(self._way[-1].open_session(timeout=timeout_s))
                channel.settimeout(timeout_s)
                channel.exec_command(line)
            command = _Command(channel, place, time.monotonic() + timeout_s)
            try:
                yield command
            except TimeoutError:
                raise timed_out(self.name, argv, timeout_s, bytes(command.stderr)) from None


class _Command:
    """A command on a channel. All but ``stderr`` raise TimeoutError after the deadline, Unreachable for a lost link."""

    def __init__(self, channel: paramiko.Channel, place: str, deadline_s: float) -> None:
        self._channel = channel
        self._place = place
        self._deadline_s = deadline_s
        self.stderr = bytearray()
        self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
        self._drain.start()

    def _left_s(self) -> float:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def _drain_stderr(self) -> None:
        with contextlib.suppress(TimeoutError):
            while data := self._channel.recv_stderr(READ_BYTES):
                self.stderr += data

    def write(self, stdin: bytes) -> None:
        """All of stdin, beside the reading where it could have to wait for it."""
        if len(stdin) > INLINE_STDIN_BYTES:
            threading.Thread(target=self._write_all, args=(stdin,), daemon=True).start()
        else:
            self._write_all(stdin)

    def _write_all(self, stdin: bytes) -> None:
        with contextlib.suppress(TimeoutError):
            if not stdin or self.send(stdin):
                self.end_stdin()

    def send(self, piece: bytes) -> bool:
        """False where the command does not read on: it has ended, or the link has; ``exit_code`` says which."""
        try:
            self._channel.settimeout(self._left_s())
            # A view, because sendall slices off what it has sent.
            self._channel.sendall(cast(bytes, memoryview(piece)))
        except TimeoutError:
            raise
        except (OSError, EOFError, paramiko.SSHException):
            return False
        return True

    def end_stdin(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()

    def read(self) -> Iterator[bytes]:
        """stdout, piece by piece."""
        while True:
            self._channel.settimeout(self._left_s())
            data = self._channel.recv(READ_BYTES)
            if not data:
                return
            yield data

    def exit_code(self) -> int | None:
        """Ends stdin and waits for the end. None: a signal."""
        self.end_stdin()
        self._drain.join(self._left_s())
        if not self._channel.status_event.wait(self._left_s()):
            raise TimeoutError
        exit_code = self._channel.recv_exit_status()
        # -1 stands for a signal and for a lost link alike; only a living server still says that the output has ended.
        if exit_code < 0 and not self._channel.eof_received:
            raise Unreachable(
                f"{self._place}: the link was lost", hint="check cable, power and network, then try again"
            )
        return exit_code if exit_code >= 0 else None
