"""One file over several channels of one connection: over SSH at 20 ms a channel's window is the ceiling, not the link.

(2 MiB in OpenSSH, channels.h: CHAN_SES_WINDOW_DEFAULT.) A command on the device collects; others, one a channel, take
pieces.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from orchestrator.measure.transports.base import Completed, LineSplitter, OnBytes, OnLine, PiecesOf
from orchestrator.measure.transports.command import Command, ended

# Two of OpenSSH's windows fill 1 Gbit/s at 20 ms; each further lane is one more Python that starts meanwhile.
LANES = 2


Running = Callable[[Sequence[str]], AbstractContextManager[Command]]


def send_over_lanes(
    running: Running,
    collect: Sequence[str],
    take: Sequence[str],
    pieces_of: PiecesOf,
    at_once: bool,
    on_bytes: OnBytes | None,
) -> Completed:
    """How ``collect`` ended, or the first of ``take`` that failed. All start together: each costs two round trips."""
    shared = _Shared(on_bytes)
    if at_once:
        shared.begin(pieces_of(b""))
    with ThreadPoolExecutor(LANES) as pool:
        lanes = [pool.submit(_send, running, take, shared) for _ in range(LANES)]
        try:
            with running(collect) as collector:
                reading = collector.read()
                output = b"" if at_once else _first_line(reading, lambda line: shared.begin(pieces_of(line)))
                shared.begin(iter(()))  # Where it has ended without a word.
                failed = [done for done in (lane.result() for lane in lanes) if not done.ok]
                collector.end_stdin()
                done = ended(collector, output + b"".join(reading))
        finally:
            shared.stop()
    return failed[0] if failed and not done.ok and failed[0].stderr else done


def _first_line(reading: Iterator[bytes], on_line: OnLine) -> bytes:
    """What comes after it, as far as it was read."""
    seen = False

    def on_any(line: bytes) -> None:
        nonlocal seen
        if not seen:
            on_line(line)
        seen = True

    splitter = LineSplitter(on_any)
    for data in reading:
        splitter.feed(data)
        if seen:
            break
    return splitter.rest


class _Shared:
    """Pieces that each lane takes from, once there are any."""

    def __init__(self, on_bytes: OnBytes | None) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._pieces: Iterator[tuple[bytes, ...]] = iter(())
        self._on_bytes = on_bytes

    def begin(self, pieces: Iterator[tuple[bytes, ...]]) -> None:
        """Counts once."""
        if not self._ready.is_set():
            self._pieces = pieces
            self._ready.set()

    def stop(self) -> None:
        with self._lock:
            self._pieces = iter(())
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
        return ended(lane, b"".join(lane.read()))
