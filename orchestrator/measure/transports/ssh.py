"""A device behind an SSH server. Needs nothing there but ``sh`` and ``cat``: files travel by exec, not by SFTP."""

import contextlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.base import shell_line, timed_out
from orchestrator.measure.transports.paramiko_alone import paramiko
from orchestrator.measure.transports.remote import RemoteTransport
from orchestrator.measure.transports.ssh_command import SshCommand, start
from orchestrator.measure.transports.ssh_config import SshTarget
from orchestrator.measure.transports.ssh_connect import CHECK_LINK, close_all, connect, mapped

OPEN_TIMEOUT_S = 10.0


class SshTransport(RemoteTransport):
    """One connection, opened at once. Raises Unreachable, HostKeyRefused or LoginRefused.

    Closing a channel does not end its command: one that has timed out goes on until it notices its closed output.
    """

    kind = "ssh"

    def __init__(self, name: str, target: SshTarget) -> None:
        self.name = name
        self.target = target
        self._way = connect(target)
        # Channels that were asked for ahead of their commands.
        self._ahead: deque[Future[paramiko.Channel]] = deque()

    def reconnect(self) -> None:
        self.close()
        self._way = connect(self.target)

    def close(self) -> None:
        self._ahead.clear()
        close_all(self._way)

    def prepare(self, commands: int) -> None:
        """Channels are opened ahead: a round trip less for each."""
        pool = ThreadPoolExecutor(commands)
        self._ahead += (pool.submit(self._way[-1].open_session, timeout=OPEN_TIMEOUT_S) for _ in range(commands))
        pool.shutdown(wait=False)

    def _channel(self, timeout_s: float) -> paramiko.Channel:
        try:
            return self._ahead.popleft().result()
        except IndexError:
            return self._way[-1].open_session(timeout=timeout_s)

    @contextmanager
    def running(self, argv: Sequence[str], timeout_s: float) -> Iterator[SshCommand]:
        line = shell_line(argv)
        place = self.target.place
        if not self._way[-1].is_active():
            raise Unreachable(f"{place}: the link was lost", hint=CHECK_LINK)
        with _lost_while_sending(place), contextlib.ExitStack() as stack:
            with mapped(place):
                channel = stack.enter_context(self._channel(timeout_s))
                channel.settimeout(timeout_s)
                start(channel, line)
            command = SshCommand(channel, place, time.monotonic() + timeout_s)
            try:
                yield command
            except TimeoutError:
                raise timed_out(self.name, argv, timeout_s, bytes(command.stderr)) from None


@contextmanager
def _lost_while_sending(place: str) -> Iterator[None]:
    """paramiko sends for itself too, while one reads (how much more may come) and at a channel's end: a link that is
    lost in that moment is an EOFError, which a command line would take for Ctrl-D.
    """
    try:
        yield
    except EOFError as exc:
        raise Unreachable(f"{place}: the link was lost", hint=CHECK_LINK) from exc
