"""A device of the lab that is reached over ADB: over TCP, by cable, or through a running adb server."""

import contextlib

from orchestrator.errors import BadInput, Unreachable
from orchestrator.measure.lab.device import Device
from orchestrator.measure.transports.adb import AdbTransport
from orchestrator.measure.transports.adb_connection import AdbConnection
from orchestrator.measure.transports.adb_errors import mapped
from orchestrator.measure.transports.adb_keys import load_key
from orchestrator.measure.transports.adb_server import AdbServer, ServerWay
from orchestrator.measure.transports.adb_stream import ByteStream
from orchestrator.measure.transports.adb_tcp import TcpLink
from orchestrator.measure.transports.adb_usb import UsbLink
from orchestrator.measure.transports.adb_way import AdbWay

# What `adb tcpip` and `adb connect` take too.
DEFAULT_PORT = 5555
DIAL_TIMEOUT_S = 10.0


def open_adb(device: Device) -> AdbTransport:
    """Raises Unreachable, LoginRefused, DeviceNotReady, BadInput."""
    return AdbTransport(device.name, lambda: open_way(device), device.run_as)


def open_way(device: Device) -> AdbWay:
    """A connection to the device's adbd. Raises Unreachable, LoginRefused, DeviceNotReady, BadInput."""
    if device.adb_server:
        return _through_server(device, AdbServer(server_address(device.adb_server)))
    if device.host:
        place = f"{device.name} ({device.host}:{device.port or DEFAULT_PORT})"
        key = load_key(device.adb_key)
        with mapped(place):
            return AdbConnection(TcpLink(device.host, device.port or DEFAULT_PORT), place, key)
    return _by_cable(device)


def _through_server(device: Device, server: AdbServer) -> ServerWay:
    if device.host:
        serial = f"{device.host}:{device.port or DEFAULT_PORT}"
        answer = server.ask(f"host:connect:{serial}")
        if "authenticate" in answer:
            raise server.not_authorized()
        if not answer.startswith(("connected", "already connected")):
            raise Unreachable(f"{device.name}: the adb server says: {answer.strip()}", hint="adb devices -l shows more")
    else:
        serial = str(device.serial)
    return ServerWay(server, serial)


def _by_cable(device: Device) -> AdbWay:
    """Through the usual adb server where one runs and has the phone: nobody else can open it then."""
    server = AdbServer()
    with contextlib.suppress(Unreachable):
        if device.serial in server.serials():
            return ServerWay(server, str(device.serial))
    place = f"{device.name} (USB {device.serial})"
    key = load_key(device.adb_key)
    with mapped(place):
        return AdbConnection(UsbLink(str(device.serial)), place, key)


def server_address(text: str) -> tuple[str, int]:
    """Raises BadInput unless it is HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadInput(f"adb_server must be HOST:PORT, got {text!r}")
    return host, int(port)


class PhoneSocket:
    """A connection to a TCP port of the phone itself, through an ADB link of its own; what paramiko takes for a socket.

    Raises Unreachable where nothing listens there, and what ``open_way`` raises.
    """

    def __init__(self, device: Device, port: int) -> None:
        self._way = open_way(device)
        try:
            with mapped(self._way.place):
                self._stream: ByteStream = self._way.open(f"tcp:{port}", DIAL_TIMEOUT_S)
        except Unreachable as exc:
            self._way.close()
            if not isinstance(exc.__cause__, ConnectionRefusedError):
                raise
            raise Unreachable(
                f"nothing listens on port {port} of {device.name}", hint="start the SSH server there; in Termux: sshd"
            ) from exc
        except BaseException:
            self._way.close()
            raise
        # Asked for by paramiko, of what it takes for a socket.
        self._closed = False
        self.settimeout = self._stream.settimeout
        self.recv = self._stream.recv
        self.send = self._stream.send

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._stream.close()
        self._way.close()
