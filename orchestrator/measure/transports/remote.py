"""What SSH and ADB have in common: commands on channels, and files that travel as their stdin and stdout."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from orchestrator.measure.transports.base import (
    COPY_TIMEOUT_S,
    DEFAULT_TIMEOUT_S,
    Completed,
    LineSplitter,
    OnBytes,
    OnLine,
    PiecesOf,
    check,
    tail,
    upload_failed,
    whole_file,
)
from orchestrator.measure.transports.command import Command, ended
from orchestrator.measure.transports.lanes import send_over_lanes


class RemoteTransport(ABC):
    """A ``Transport`` over whatever can run a command: it needs nothing on the device but ``sh`` and ``cat``."""

    name: str
    kind: str

    @abstractmethod
    def running(self, argv: Sequence[str], timeout_s: float) -> AbstractContextManager[Command]:
        """A command that runs on the device as long as the block does. Raises what ``Transport`` says."""

    @abstractmethod
    def reconnect(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def exec(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S) -> Completed:
        with self.running(argv, timeout_s) as command:
            command.write(stdin)
            return ended(command, b"".join(command.read()))

    def stream(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = DEFAULT_TIMEOUT_S, on_line: OnLine
    ) -> Completed:
        splitter = LineSplitter(on_line)
        with self.running(argv, timeout_s) as command:
            command.write(stdin)
            for data in command.read():
                splitter.feed(data)
            return ended(command, splitter.rest)

    def send(
        self,
        argv: Sequence[str],
        local: Path,
        *,
        timeout_s: float = COPY_TIMEOUT_S,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        with local.open("rb", buffering=0) as file, self.running(argv, timeout_s) as command:
            command.send_file(file, on_bytes)
            return ended(command, b"".join(command.read()))

    @abstractmethod
    def prepare(self, commands: int) -> None:
        """So many commands are about to come: do ahead what can be done for them."""

    def send_over_lanes(
        self,
        collect: Sequence[str],
        take: Sequence[str],
        pieces_of: PiecesOf,
        *,
        at_once: bool = False,
        timeout_s: float = COPY_TIMEOUT_S,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        """Run ``collect`` and several ``take`` side by side; each ``take`` reads pieces from its stdin.

        ``pieces_of`` gets the first line of ``collect`` and gives the pieces, each as parts; ``at_once``: it gets an
        empty line, before ``collect`` has said anything. ``on_bytes`` gets the size of each piece's last part. The
        answer is that of ``collect``, or of the first ``take`` that failed.
        """
        return send_over_lanes(lambda argv: self.running(argv, timeout_s), collect, take, pieces_of, at_once, on_bytes)

    def push(self, local: Path, remote: str, *, on_bytes: OnBytes | None = None) -> None:
        argv = ["sh", "-c", 'LC_ALL=C; export LC_ALL; cat >"$1"', "sh", remote]
        done = self.send(argv, local, on_bytes=on_bytes)
        if not done.ok:
            raise upload_failed(self.name, remote, tail(done.stderr), argv, done.exit_code)

    def pull(self, remote: str, local: Path) -> None:
        argv = ["sh", "-c", 'cat <"$1"', "sh", remote]
        with whole_file(local) as file, self.running(argv, COPY_TIMEOUT_S) as command:
            command.write(b"")
            for data in command.read():
                file.write(data)
            check(ended(command, b""), argv, f"cannot read {remote} on {self.name}")
