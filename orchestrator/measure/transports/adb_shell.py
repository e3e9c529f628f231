"""A command by adbd's shell protocol, version 2: three separate streams and an exit code, without a terminal.

Frames are <u8 id><u32 little-endian length><data> (AOSP packages/modules/adb/shell_protocol.h).
"""

import contextlib
import struct
import threading
import time
from collections.abc import Iterator
from typing import IO

from orchestrator.errors import Unreachable
from orchestrator.measure.transports.adb_errors import CHECK_LINK, unreachable
from orchestrator.measure.transports.adb_stream import ByteStream
from orchestrator.measure.transports.adb_wire import Data
from orchestrator.measure.transports.base import OnBytes

_FRAME = struct.Struct("<BI")
STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
# One frame with its header fills one packet of a current adbd; one packet of an old one is a part of it.
PIECE_BYTES = (1 << 20) - _FRAME.size
READ_BYTES = 1 << 20
# adbd's own buffers take this much, whether the command reads or not.
INLINE_STDIN_BYTES = 16 << 10
# adbd folds the signal into the exit code: 128 + its number, of which there are 64.
FIRST_SIGNAL, LAST_SIGNAL = 129, 192


class FrameReader:
    """Cuts what comes into (id, data); a long frame is handed over in the pieces in which it came."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._id = 0
        self._left_bytes = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        at = 0
        while at < len(data):
            if not self._left_bytes:
                missing = _FRAME.size - len(self._header)
                self._header += data[at : at + missing]
                at += missing
                if len(self._header) < _FRAME.size:
                    return
                self._id, self._left_bytes = _FRAME.unpack(self._header)
                self._header.clear()
            else:
                piece = data[at : at + self._left_bytes]
                at += len(piece)
                self._left_bytes -= len(piece)
                yield self._id, piece


class DeadlinePassed(Exception):
    """Of a command; a TimeoutError could come from anybody."""


class ShellCommand:
    """A command on a stream, whose first line of stdout is its process id.

    Reading and writing raise DeadlinePassed after the deadline, and Unreachable where the link is lost or the stream
    ends without an exit code.
    """

    def __init__(self, stream: ByteStream, place: str, deadline_s: float) -> None:
        self._stream = stream
        self._place = place
        self._deadline_s = deadline_s
        self._frames = FrameReader()
        self._first_line: bytearray | None = bytearray()
        self.pid: int | None = None
        self.stderr = bytearray()
        self._status: int | None = None

    def _arm(self) -> None:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise DeadlinePassed
        self._stream.settimeout(left_s)

    def write(self, stdin: bytes) -> None:
        """All of stdin; beside the reading where the command may have to be read before it reads on."""
        if len(stdin) > INLINE_STDIN_BYTES:
            threading.Thread(target=self._write_all, args=(stdin,), daemon=True).start()
        else:
            self._write_all(stdin)

    def _write_all(self, stdin: bytes) -> None:
        # The reader meets whatever the link has met, and tells it.
        with contextlib.suppress(DeadlinePassed, Unreachable):
            if all(self.send(stdin[at : at + PIECE_BYTES]) for at in range(0, len(stdin), PIECE_BYTES)):
                self.end_stdin()

    def send(self, piece: bytes) -> bool:
        """False where the command does not read on: it has ended, or the link has; what is read then says which."""
        return self._send(_FRAME.pack(STDIN, len(piece)) + piece)

    def end_stdin(self) -> None:
        self._send(_FRAME.pack(CLOSE_STDIN, 0))

    def send_file(self, file: IO[bytes], on_bytes: OnBytes | None) -> None:
        """The file as stdin, as far as the command reads it."""
        frame = memoryview(bytearray(_FRAME.size + PIECE_BYTES))
        while count := file.readinto(frame[_FRAME.size :]):  # type: ignore[attr-defined]
            _FRAME.pack_into(frame, 0, STDIN, count)
            if not self._send(frame[: _FRAME.size + count]):
                return
            if on_bytes:
                on_bytes(count)
        self.end_stdin()

    def _send(self, frame: Data) -> bool:
        try:
            self._arm()
            self._stream.sendall(frame)
        except TimeoutError:
            raise DeadlinePassed from None
        except ConnectionError:
            return False
        except OSError as exc:
            raise unreachable(self._place, exc) from exc
        return True

    def read(self) -> Iterator[bytes]:
        """stdout after the first line, piece by piece, until the command has ended."""
        while self._status is None:
            self._arm()
            yield from self._take(self._received())
        if self._first_line:
            yield bytes(self._first_line)

    def _received(self) -> bytes:
        try:
            data = self._stream.recv(READ_BYTES)
        except TimeoutError:
            raise DeadlinePassed from None
        except OSError as exc:
            raise unreachable(self._place, exc) from exc
        if not data:
            raise Unreachable(f"{self._place}: the link was lost", hint=CHECK_LINK)
        return data

    def _take(self, data: bytes) -> Iterator[bytes]:
        for kind, piece in self._frames.feed(data):
            if kind == STDOUT:
                stdout = piece if self._first_line is None else self._after_first_line(piece)
                if stdout:
                    yield stdout
            elif kind == STDERR:
                self.stderr += piece
            elif kind == EXIT:
                self._status = piece[0]

    def _after_first_line(self, piece: bytes) -> bytes:
        assert self._first_line is not None
        self._first_line += piece
        line, newline, rest = bytes(self._first_line).partition(b"\n")
        if not newline:
            return b""
        self._first_line = None
        if not line.isdigit():  # Something else spoke before the command could.
            return line + newline + rest
        self.pid = int(line)
        return rest

    def find_pid(self, timeout_s: float) -> int | None:
        """The process id, also where nothing has been read yet; what comes beside it is lost."""
        self._deadline_s = time.monotonic() + timeout_s
        with contextlib.suppress(DeadlinePassed, Unreachable):
            while self.pid is None and self._status is None and self._first_line is not None:
                self._arm()
                for _ in self._take(self._received()):
                    pass
        return self.pid if self._status is None else None

    def exit_code(self) -> int | None:
        """None: a signal. A program that by itself exits with 128 + a signal's number cannot be told apart."""
        assert self._status is not None
        return None if FIRST_SIGNAL <= self._status <= LAST_SIGNAL else self._status
