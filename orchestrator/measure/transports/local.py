"""This machine as a device: the same commands as elsewhere, without a link."""

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Self, cast

from orchestrator.errors import CommandFailed
from orchestrator.measure.transports.base import (
    COPY_TIMEOUT_S,
    DEFAULT_TIMEOUT_S,
    EXIT_NOT_EXECUTABLE,
    EXIT_NOT_FOUND,
    Completed,
    LineSplitter,
    OnBytes,
    OnLine,
    no_room,
    timed_out,
    whole_file,
)

PIECE_BYTES = 1 << 20


class LocalTransport:
    """Runs commands as children of this process, each in a process group of its own, in the user's home."""

    kind = "local"

    def __init__(self, name: str = "local") -> None:
        self.name = name

    def exec(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S) -> Completed:
        stdout = bytearray()
        exit_code, stderr = self._run(argv, iter([stdin]), timeout_s, stdout.extend)
        return Completed(exit_code, bytes(stdout), stderr)

    def send(
        self,
        argv: Sequence[str],
        local: Path,
        *,
        timeout_s: float = COPY_TIMEOUT_S,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        stdout = bytearray()
        with local.open("rb") as file:
            exit_code, stderr = self._run(argv, _pieces(file, on_bytes), timeout_s, stdout.extend)
        return Completed(exit_code, bytes(stdout), stderr)

    def stream(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S, on_line: OnLine
    ) -> Completed:
        splitter = LineSplitter(on_line)
        exit_code, stderr = self._run(argv, iter([stdin]), timeout_s, splitter.feed)
        return Completed(exit_code, splitter.rest, stderr)

    def _run(
        self, argv: Sequence[str], stdin: Iterator[bytes], timeout_s: float, on_stdout: Callable[[bytes], None]
    ) -> tuple[int | None, bytes]:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=_home(),
                start_new_session=True,
            )
        except FileNotFoundError as exc:
            return EXIT_NOT_FOUND, str(exc).encode()
        except PermissionError as exc:
            return EXIT_NOT_EXECUTABLE, str(exc).encode()
        with process:
            try:
                stderr = _pump(process, stdin, time.monotonic() + timeout_s, on_stdout)
            except TimeoutError as exc:
                raise timed_out(self.name, argv, timeout_s, exc.args[0]) from None
            finally:
                if process.poll() is None:
                    _kill_group(process)
        return (process.returncode if process.returncode >= 0 else None), stderr

    def push(self, local: Path, remote: str, *, on_bytes: OnBytes | None = None) -> None:
        try:
            with local.open("rb") as source, (_home() / remote).open("wb") as target:
                for piece in _pieces(source, on_bytes):
                    target.write(piece)
        except OSError as exc:
            if exc.errno in (errno.ENOSPC, errno.EDQUOT):
                raise no_room(self.name, remote) from exc
            raise self._copy_failed("write", remote, exc) from exc

    def pull(self, remote: str, local: Path) -> None:
        try:
            source = (_home() / remote).open("rb")
        except OSError as exc:
            raise self._copy_failed("read", remote, exc) from exc
        with source, whole_file(local) as target:
            for piece in _pieces(source, None):
                target.write(piece)

    def _copy_failed(self, verb: str, remote: str, exc: OSError) -> CommandFailed:
        return CommandFailed(
            f"cannot {verb} {remote} on {self.name}: {exc.strerror or exc}",
            argv=("copy", remote),
            exit_code_remote=None,
            stderr_tail=str(exc),
        )

    def reconnect(self) -> None:
        """There is no link to lose."""

    def close(self) -> None:
        """Nothing stays open between two commands."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _home() -> Path:
    # sshd too starts in / where the home is missing.
    return Path.home() if Path.home().is_dir() else Path("/")


def _pump(
    process: subprocess.Popen[bytes], stdin: Iterator[bytes], deadline_s: float, on_stdout: Callable[[bytes], None]
) -> bytes:
    """Feed stdin and drain both outputs until all end, then return stderr. Raises TimeoutError(stderr so far)."""
    stderr = bytearray()
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(cast(IO[bytes], process.stdout), selectors.EVENT_READ, _reader(on_stdout))
        selector.register(cast(IO[bytes], process.stderr), selectors.EVENT_READ, _reader(stderr.extend))
        selector.register(process.stdin, selectors.EVENT_WRITE, _writer(process.stdin, stdin))
        while selector.get_map():
            ready = selector.select(max(deadline_s - time.monotonic(), 0.0))
            if not ready and time.monotonic() >= deadline_s:
                raise TimeoutError(bytes(stderr))
            for key, _ in ready:
                if not key.data(key.fd):
                    # Before it is closed: a child that another thread is just starting may hold a copy for a moment,
                    # and epoll goes on reporting a pipe as long as anybody has it.
                    selector.unregister(key.fileobj)
                    if key.fileobj is process.stdin:
                        process.stdin.close()
    try:
        process.wait(max(deadline_s - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        raise TimeoutError(bytes(stderr)) from None
    return bytes(stderr)


def _reader(sink: Callable[[bytes], None]) -> Callable[[int], bool]:
    """Takes what is there; False at the end."""

    def read(fd: int) -> bool:
        data = os.read(fd, PIECE_BYTES)
        sink(data)
        return bool(data)

    return read


def _writer(pipe: IO[bytes], stdin: Iterator[bytes]) -> Callable[[int], bool]:
    """Gives what fits; False when all is given or the command has stopped reading."""
    waiting = memoryview(next(stdin, b""))

    def write(fd: int) -> bool:
        nonlocal waiting
        try:
            waiting = waiting[os.write(fd, waiting) :] or memoryview(next(stdin, b""))
        except BrokenPipeError:
            waiting = memoryview(b"")
        return bool(waiting)

    return write


def _pieces(file: IO[bytes], on_bytes: OnBytes | None) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
        if on_bytes:
            on_bytes(len(piece))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The group lives as long as its unreaped leader, so the id cannot belong to someone else.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
