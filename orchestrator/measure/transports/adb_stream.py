"""One byte stream to a service of adbd; many share a connection. As much of a socket as paramiko asks for."""

import errno
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from orchestrator.measure.transports.adb_wire import CLSE, MAX_PAYLOAD_BYTES, OKAY, WRTE, Data

# What a device may send before the reader takes it; more would only fill memory.
RECEIVE_WINDOW_BYTES = 4 << 20
# What we send before it is acknowledged. adbd would take 32 MiB: memory of a phone under measurement, and lost with it.
SEND_WINDOW_BYTES = 4 << 20
_COUNT = struct.Struct("<I")


class ByteStream(Protocol):
    """What a service's stream is: an ``AdbStream``, or a socket from an adb server.

    All raise TimeoutError after the set time, ConnectionError or OSError for a lost link.
    """

    def settimeout(self, timeout_s: float | None, /) -> None: ...

    def recv(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end of the stream."""
        ...

    def send(self, data: Data, /) -> int: ...

    def sendall(self, data: Data, /) -> None: ...

    def close(self) -> None: ...


class Sender(Protocol):
    """The connection, as a stream sees it. ``delayed_ack``: windows are in bytes, not one packet at a time."""

    delayed_ack: bool
    max_payload_bytes: int

    def write(self, command: int, local_id: int, remote_id: int, payload: Data = b"") -> None: ...

    def forget(self, local_id: int) -> None: ...


class AdbStream:
    """Reading, writing and closing may be done by several threads. The ``on_`` methods are the connection's."""

    def __init__(self, connection: Sender, local_id: int) -> None:
        self.local_id = local_id
        self._connection = connection
        self._changed = threading.Condition()
        self._timeout_s: float | None = None
        self._remote_id = 0
        self._incoming: deque[memoryview] = deque()
        self._buffered_bytes = 0
        # Taken but not yet acknowledged: bytes, or with one packet at a time whether the last one is.
        self._unacknowledged = 0
        self._may_send_bytes = 0
        self._ended = False
        self._failure: Exception | None = None

    def settimeout(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s

    def wait_until_open(self) -> bool:
        """False where the device has no such service, or could not start it."""
        with self._changed:
            self._wait(lambda: bool(self._remote_id))
            self._raise_failure()
            return bool(self._remote_id)

    def recv(self, size: int) -> bytes:
        with self._changed:
            self._wait(lambda: bool(self._incoming))
            if not self._incoming:
                self._raise_failure()
                return b""
            piece = self._incoming.popleft()
            if len(piece) > size:
                self._incoming.appendleft(piece[size:])
                piece = piece[:size]
            self._buffered_bytes -= len(piece)
        self._acknowledge(len(piece))
        return bytes(piece)

    def _acknowledge(self, count: int) -> None:
        with self._changed:
            if self._connection.delayed_ack:
                self._unacknowledged += count
                due = self._unacknowledged >= RECEIVE_WINDOW_BYTES // 4
            else:
                due = bool(self._unacknowledged) and self._buffered_bytes < RECEIVE_WINDOW_BYTES
            if not due or self._ended:
                return
            acknowledged, self._unacknowledged = self._unacknowledged, 0
        self._okay(acknowledged)

    def _okay(self, count: int) -> None:
        payload = _COUNT.pack(count) if self._connection.delayed_ack else b""
        self._connection.write(OKAY, self.local_id, self._remote_id, payload)

    def send(self, data: Data) -> int:
        """What was sent: all, or as much as the device takes now. Raises BrokenPipeError where it reads no more."""
        with self._changed:
            self._wait(lambda: self._may_send_bytes > 0)
            if self._ended:
                self._raise_failure()
                raise BrokenPipeError(errno.EPIPE, "the device has closed the stream")
            count = min(len(data), self._may_send_bytes, self._connection.max_payload_bytes)
            self._may_send_bytes = self._may_send_bytes - count if self._connection.delayed_ack else 0
        self._connection.write(WRTE, self.local_id, self._remote_id, memoryview(data)[:count])
        return count

    def sendall(self, data: Data) -> None:
        waiting = memoryview(data)
        while waiting:
            waiting = waiting[self.send(waiting) :]

    def close(self) -> None:
        with self._changed:
            was_open = not self._ended and self._remote_id
            self._ended = True
            self._changed.notify_all()
        self._connection.forget(self.local_id)
        if was_open:
            self._connection.write(CLSE, self.local_id, self._remote_id)

    def _wait(self, there: Callable[[], bool]) -> None:
        """Until ``there``, or the end of the stream."""
        deadline_s = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while not there() and not self._ended:
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                raise TimeoutError("timed out")
            self._changed.wait(left_s)

    def _raise_failure(self) -> None:
        if self._failure:
            # paramiko looks errors up by their number.
            raise ConnectionResetError(errno.ECONNRESET, str(self._failure)) from self._failure

    def on_okay(self, remote_id: int, payload: bytearray) -> None:
        """The service is open, or has taken what was sent."""
        with self._changed:
            opened, self._remote_id = not self._remote_id, remote_id
            if self._connection.delayed_ack and len(payload) == _COUNT.size:
                (count,) = _COUNT.unpack(payload)
                self._may_send_bytes += min(count, SEND_WINDOW_BYTES) if opened else count
            else:
                self._may_send_bytes = MAX_PAYLOAD_BYTES
            self._changed.notify_all()

    def on_data(self, payload: bytearray) -> None:
        with self._changed:
            self._incoming.append(memoryview(payload))
            self._buffered_bytes += len(payload)
            self._changed.notify_all()
        if not self._connection.delayed_ack:
            with self._changed:
                self._unacknowledged = 1
            self._acknowledge(0)

    def on_end(self, failure: Exception | None) -> None:
        """The device has closed the stream; with a ``failure``, the link was lost."""
        with self._changed:
            if not self._ended:
                self._ended, self._failure = True, failure
            self._changed.notify_all()
