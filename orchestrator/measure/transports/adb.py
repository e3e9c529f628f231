"""A device behind adbd. Needs nothing there but ``sh`` and ``cat``; files travel by stdin and stdout of commands.

Not by adbd's sync service: over a shell stream a file is as fast (benchmarks/bench_push_adb.py), errors come in the
device's own words, paths may be as long as there, and it also works in an app's own folder (``run_as``).
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from orchestrator.errors import CommandFailed, DeviceNotReady, EarshotError, Unreachable
from orchestrator.measure.transports.adb_account import AdbAccount
from orchestrator.measure.transports.adb_errors import CHECK_LINK, mapped
from orchestrator.measure.transports.adb_shell import DeadlinePassed, ShellCommand
from orchestrator.measure.transports.adb_stream import ByteStream
from orchestrator.measure.transports.adb_way import AdbWay
from orchestrator.measure.transports.base import tail, timed_out
from orchestrator.measure.transports.remote import RemoteTransport

OPEN_TIMEOUT_S = 10.0
# For the command that ends another one.
KILL_TIMEOUT_S = 3.0
# Linux, MAX_ARG_STRLEN: adbd hands the whole line to its shell as one argument. A NUL follows it.
LONGEST_LINE_BYTES = 131_071


class AdbTransport(RemoteTransport):
    """One connection, opened at once by ``open_way``. Raises Unreachable, LoginRefused or DeviceNotReady.

    Commands start in /data/local/tmp, which is their HOME, or with ``run_as`` in the app's home. One that does not
    end in time is killed there, with all that it started in its session.
    """

    kind = "adb"

    def __init__(self, name: str, open_way: Callable[[], AdbWay], run_as: str | None = None) -> None:
        self.name = name
        self._open_way = open_way
        self._account = AdbAccount(run_as)
        self._way = open_way()
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        if "shell_v2" not in self._way.features:
            raise DeviceNotReady(
                f"adbd on {self.name} has no shell protocol 2, so no exit codes", hint="that needs Android 7 or newer"
            )
        if self._account.run_as is None:
            return
        done = self.exec(["true"])
        if not done.ok:
            reason = tail(done.stderr) or tail(done.stdout)
            raise DeviceNotReady(
                f"run-as {self._account.run_as} does not work on {self.name}: {reason}",
                hint="it needs a debuggable build of the app; Termux is also reached by its sshd: "
                "see docs/how-to/android-adb.md",
            )

    def reconnect(self) -> None:
        self.close()
        self._way = self._open_way()

    def close(self) -> None:
        self._way.close()

    def prepare(self, commands: int) -> None:
        """A stream is opened by its command: nothing can be done ahead."""

    @contextmanager
    def running(self, argv: Sequence[str], timeout_s: float) -> Iterator[ShellCommand]:
        service = f"shell,v2,raw:{self._line(argv)}"
        if not self._way.alive:
            raise Unreachable(f"{self._way.place}: the link was lost", hint=CHECK_LINK)
        deadline_s = time.monotonic() + timeout_s
        stream = self._opened(service, argv, timeout_s)
        command = ShellCommand(stream, self._way.place, deadline_s)
        try:
            yield command
        except DeadlinePassed:
            self._kill(command)
            raise timed_out(self.name, argv, timeout_s, bytes(command.stderr)) from None
        except Unreachable:
            raise
        except BaseException:
            self._kill(command)
            raise
        finally:
            with contextlib.suppress(OSError):
                stream.close()

    def _opened(self, service: str, argv: Sequence[str], timeout_s: float) -> ByteStream:
        with mapped(self._way.place):
            try:
                return self._way.open(service, min(timeout_s, OPEN_TIMEOUT_S))
            except TimeoutError:
                if timeout_s > OPEN_TIMEOUT_S:
                    raise
                raise timed_out(self.name, argv, timeout_s, b"") from None

    def _line(self, argv: Sequence[str]) -> str:
        line = self._account.line(argv)
        size_bytes = len(line.encode("utf-8", "surrogateescape"))
        if size_bytes > LONGEST_LINE_BYTES:
            raise CommandFailed(
                f"{argv[0]} on {self.name}: its arguments take {size_bytes} bytes, adbd takes {LONGEST_LINE_BYTES}",
                argv=argv[:1],
                exit_code_remote=None,
                stderr_tail="",
                hint="send what is long by stdin",
            )
        return line

    def _kill(self, command: ShellCommand) -> None:
        """As far as that can be done: the link may be what has failed, or the command may just have ended."""
        pid = command.find_pid(KILL_TIMEOUT_S)
        if pid is None:
            return
        service = f"shell,v2,raw:{self._account.kill_line(pid)}"
        with (
            contextlib.suppress(OSError, EarshotError),
            contextlib.closing(self._way.open(service, KILL_TIMEOUT_S)) as s,
        ):
            while s.recv(1024):
                pass
