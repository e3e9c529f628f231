"""One file over several channels of one connection: over SSH at 20 ms a channel's window is the ceiling, not the link.

(2 MiB in OpenSSH, channels.h: CHAN_SES_WINDOW_DEFAULT.) A command on the device collects; others, one a channel, take
pieces.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

from orchestrator.measure.transports.base import Completed, LineSplitter, OnBytes, PiecesOf

LANES = 3


class Command(Protocol):
    """What runs on the device: an ``ssh_command.Command``, or an ``adb_shell.ShellCommand``."""

    stderr: bytearray

    def send(self, piece: bytes) -> bool: ...

    def end_stdin(self) -> None: ...

    def read(self) -> Iterator[bytes]: ...

    def exit_code(self) -> int | None: ...


Running = Callable[[Sequence[str]], AbstractContextManager[Command]]


def send_over_lanes(
    running: Running,
    collect: Sequence[str],
    take: Sequence[str],
    pieces_of: PiecesOf,
    on_bytes: OnBytes | None,
) -> Completed:
    """How ``collect`` ended, or the first of ``take`` that failed."""
    shared = _Shared(on_bytes)
    with running(collect) as collector, ThreadPoolExecutor(LANES) as pool:
        lanes = [pool.submit(_send, running, take, shared) for _ in range(LANES)]
        output = bytearray()
        try:
            splitter = LineSplitter(lambda line: shared.begin(pieces_of(line)))
            reading = collector.read()
            for data in reading:
                splitter.feed(data)
                if shared.has_begun:
                    break
        finally:
            shared.begin(iter(()))
        failed = [done for done in (lane.result() for lane in lanes) if not done.ok]
        collector.end_stdin()
        for data in reading:
            output += data
        done = Completed(collector.exit_code(), bytes(output), bytes(collector.stderr))
    return failed[0] if failed and not done.ok and failed[0].stderr else done


class _Shared:
    """Pieces that each lane takes from, once there are any."""

    def __init__(self, on_bytes: OnBytes | None) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._pieces: Iterator[tuple[bytes, ...]] = iter(())
        self._on_bytes = on_bytes

    @property
    def has_begun(self) -> bool:
        return self._ready.is_set()

    def begin(self, pieces: Iterator[tuple[bytes, ...]]) -> None:
        """Counts once."""
        if not self._ready.is_set():
            self._pieces = pieces
            self._ready.set()

    def next(self) -> tuple[bytes, ...] | None:
        self._ready.wait()
        with self._lock:
            return next(self._pieces, None)

    def sent(self, size: int) -> None:
        if self._on_bytes:
            with self._lock:
                self._on_bytes(size)


def _send(running: Running, take: Sequence[str], shared: _Shared) -> Completed:
    with running(take) as lane:
        while piece := shared.next():
            if not all(lane.send(part) for part in piece):
                break
            shared.sent(len(piece[-1]))
        lane.end_stdin()
        output = b"".join(lane.read())
        return Completed(lane.exit_code(), output, bytes(lane.stderr))
