"""A running adb server, which owns the device's link (AOSP packages/modules/adb: OVERVIEW.TXT, SERVICES.TXT).

Each request is a TCP connection of its own: four hex digits of length, then the text; the answer is OKAY or FAIL.
"""

import contextlib
import socket

from orchestrator.errors import DeviceError, LoginRefused, Unreachable
from orchestrator.measure.transports.adb_errors import mapped
from orchestrator.measure.transports.adb_tcp import watch_link

DEFAULT_SERVER = ("127.0.0.1", 5037)
REQUEST_TIMEOUT_S = 10.0


class _Socket(socket.socket):
    """Closing it also wakes a thread that waits in it."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        super().close()


class AdbServer:
    """The server at ``address``; nothing stays open between two requests."""

    def __init__(self, address: tuple[str, int] = DEFAULT_SERVER) -> None:
        self.address = address

    def ask(self, request: str) -> str:
        """The answer to a request to the server itself. Raises Unreachable, LoginRefused."""
        with mapped(f"the adb server at {self._shown}"), self.request(request) as sock:
            return _text(sock)

    def serials(self) -> frozenset[str]:
        """The devices that the server knows, in whatever state they are."""
        return frozenset(line.partition("\t")[0] for line in self.ask("host:devices").splitlines())

    def request(self, *requests: str) -> socket.socket:
        """A connection on which all of the requests were granted. Raises Unreachable, LoginRefused, DeviceError."""
        try:
            sock = _Socket(fileno=socket.create_connection(self.address, timeout=REQUEST_TIMEOUT_S).detach())
        except OSError as exc:
            raise Unreachable(
                f"no adb server at {self._shown}: {exc.strerror or exc}",
                hint="start it there with: adb start-server; or leave adb_server out of lab.toml",
            ) from exc
        try:
            sock.settimeout(REQUEST_TIMEOUT_S)
            watch_link(sock)
            for request in requests:
                self._grant(sock, request)
        except BaseException:
            sock.close()
            raise
        return sock

    def _grant(self, sock: socket.socket, request: str) -> None:
        data = request.encode("utf-8", "surrogateescape")
        sock.sendall(b"%04x" % len(data) + data)
        answer = _exactly(sock, 4)
        if answer == b"OKAY":
            return
        if answer != b"FAIL":
            raise Unreachable(f"{self._shown} is no adb server: it answered {answer!r}", hint="check adb_server")
        raise self._failure(_text(sock))

    def _failure(self, message: str) -> DeviceError | ConnectionRefusedError:
        if "unauthorized" in message:
            return self.not_authorized()
        if message == "closed" or message.startswith("cannot connect"):
            return ConnectionRefusedError(message)
        return Unreachable(
            f"the adb server at {self._shown} says: {message.splitlines()[0] if message else 'no'}",
            hint="adb devices -l shows what it knows; is the phone plugged in, and is serial right?",
        )

    def not_authorized(self) -> LoginRefused:
        return LoginRefused(
            f"the adb server at {self._shown} is not authorized by the device",
            hint="unlock the phone and accept the server's key on its screen (USB debugging)",
        )

    @property
    def _shown(self) -> str:
        return "{}:{}".format(*self.address)


class ServerWay:
    """One device of an adb server. Raises Unreachable or LoginRefused where the server cannot reach it."""

    def __init__(self, server: AdbServer, serial: str) -> None:
        self.place = f"{serial} through the adb server"
        self._server = server
        self._serial = serial
        self.features = frozenset(server.ask(f"host-serial:{serial}:features").split(","))

    @property
    def alive(self) -> bool:
        """Not known before a service is opened."""
        return True

    def open(self, service: str, timeout_s: float) -> socket.socket:
        sock = self._server.request(f"host:transport:{self._serial}", service)
        sock.settimeout(timeout_s)
        return sock

    def close(self) -> None:
        """Each stream is a connection of its own."""


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise ConnectionResetError("the adb server closed the connection")
        data += piece
    return data


def _text(sock: socket.socket) -> str:
    return _exactly(sock, int(_exactly(sock, 4), 16)).decode("utf-8", "replace")
