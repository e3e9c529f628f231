"""ADB over TCP: a socket that sends at once, and that notices a link which has gone silent."""

import contextlib
import socket

from orchestrator.measure.transports.adb_wire import Data

CONNECT_TIMEOUT_S = 10.0
# A partition is noticed after this long with unanswered bytes, or with none to send; shorter ones heal.
LINK_TIMEOUT_S = 10.0
PROBE_IDLE_S, PROBE_INTERVAL_S, PROBE_COUNT = 5, 2, 3
_DAY_S = 86400.0


class TcpLink:
    """A connection to ``host``:``port``. Raises what the socket module raises."""

    def __init__(self, host: str, port: int) -> None:
        self._reading = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        watch_link(self._reading)
        # A second object for the same connection, because reading may wait for ever and writing may not.
        self._writing = self._reading.dup()
        self._writing.settimeout(LINK_TIMEOUT_S)

    def read(self, size: int, timeout_s: float | None) -> bytearray:
        # Never None: that would make the socket a blocking one, for the writer too.
        self._reading.settimeout(timeout_s or _DAY_S)
        data = bytearray(size)
        view = memoryview(data)
        while view:
            try:
                count = self._reading.recv_into(view)
            except TimeoutError:
                if timeout_s is None:
                    continue
                raise
            if not count:
                raise ConnectionResetError("the device closed the connection")
            view = view[count:]
        return data

    def write(self, header: bytes, payload: Data) -> None:
        waiting = [memoryview(header), memoryview(payload)]
        while waiting:
            sent = self._writing.sendmsg(waiting)
            while waiting and sent >= len(waiting[0]):
                sent -= len(waiting.pop(0))
            if waiting:
                waiting[0] = waiting[0][sent:]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._reading.shutdown(socket.SHUT_RDWR)
        self._reading.close()
        self._writing.close()


def watch_link(sock: socket.socket) -> None:
    """No waiting for more to send, and an error for a link that stays silent."""
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)
    sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, int(LINK_TIMEOUT_S * 1000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(tcp, socket.TCP_KEEPIDLE, PROBE_IDLE_S)
    sock.setsockopt(tcp, socket.TCP_KEEPINTVL, PROBE_INTERVAL_S)
    sock.setsockopt(tcp, socket.TCP_KEEPCNT, PROBE_COUNT)
