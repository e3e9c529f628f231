"""A command that runs on a channel of an SSH connection."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import cast

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.paramiko_alone import paramiko
from orchestrator.measure.transports.ssh_connect import CHECK_LINK

READ_BYTES = 1 << 18
# Below any server's first window (dropbear: 24 KiB), so that writing it cannot wait for our own reading.
INLINE_STDIN_BYTES = 16 << 10


class Command:
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
            raise Unreachable(f"{self._place}: the link was lost", hint=CHECK_LINK)
        return exit_code if exit_code >= 0 else None
