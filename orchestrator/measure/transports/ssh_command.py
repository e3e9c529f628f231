"""A command that runs on a channel of an SSH connection."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import IO, cast

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.base import OnBytes
from orchestrator.measure.transports.paramiko_alone import paramiko
from orchestrator.measure.transports.ssh_connect import CHECK_LINK

READ_BYTES = 1 << 18
# Below any server's first window (dropbear: 24 KiB), so that writing it cannot wait for our own reading.
INLINE_STDIN_BYTES = 16 << 10
# paramiko's thread of a connection that is lost ends this soon after the last of its channels.
LOST_LINK_S = 1.0
# RFC 4254, 6.5
_CHANNEL_REQUEST = 98


def start(channel: paramiko.Channel, line: str) -> None:
    """Have the line run, without waiting for the server's yes: a whole round trip for each command.

    What is sent to the command may follow at once, since one connection keeps the order. ``Channel.exec_command``
    waits; where the server says no, paramiko closes the channel, which ``SshCommand.exit_code`` tells.
    """
    message = paramiko.Message()
    message.add_byte(bytes([_CHANNEL_REQUEST]))
    message.add_int(channel.remote_chanid)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(line)
    # Not in its types, but the one way to send a request without a reply of one's own.
    channel.get_transport()._send_user_message(message)  # type: ignore[attr-defined]


class SshCommand:
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
        with contextlib.suppress(TimeoutError, EOFError):
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

    def send_file(self, file: IO[bytes], on_bytes: OnBytes | None) -> None:
        """The file as stdin, as far as the command reads it."""
        while (piece := file.read(READ_BYTES)) and self.send(piece):
            if on_bytes:
                on_bytes(len(piece))
        self.end_stdin()

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
        # -1 stands for a signal, a lost link and a no alike. A living server still says that the output has ended, and
        # one that runs the command has said so (``event_ready``).
        if exit_code < 0 and not (self._channel.eof_received and self._channel.event_ready):
            raise self._not_run()
        return exit_code if exit_code >= 0 else None

    def _not_run(self) -> Unreachable:
        """By a server that runs no commands, or because the link was lost."""
        transport = self._channel.get_transport()
        transport.join(LOST_LINK_S)
        if transport.is_alive():
            return Unreachable(
                f"{self._place}: the server refused to run a command",
                hint="does its sshd_config or authorized_keys allow commands?",
            )
        return Unreachable(f"{self._place}: the link was lost", hint=CHECK_LINK)
