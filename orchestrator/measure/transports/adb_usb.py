"""ADB by cable, without an adb server: a phone's USB interface by way of adb-shell and libusb.

Seen working nowhere yet: the machines that this was written on have no USB. Everything above it is what TCP uses too.
"""

import threading
from typing import Any

from orchestrator.errors import DeviceNotReady, Unreachable
from orchestrator.measure.transports.adb_wire import Data

# The reader looks this often whether the link was closed; libusb must not lose a handle that it waits on.
TURN_S = 1.0
WRITE_TIMEOUT_S = 10.0


class UsbLink:
    """The phone with this serial number. Raises Unreachable where it is not there or not ours to open, DeviceNotReady
    without libusb.
    """

    def __init__(self, serial: str) -> None:
        try:
            import usb1
            from adb_shell import exceptions
            from adb_shell.transport.usb_transport import UsbTransport
        except (ImportError, OSError) as exc:
            raise DeviceNotReady(
                f"ADB by cable needs libusb: {exc}",
                hint="pip install 'earshot[usb]' and install libusb-1.0; or start an adb server: adb start-server",
            ) from exc
        self._errors = (exceptions.UsbReadFailedError, exceptions.UsbWriteFailedError, usb1.USBError)
        self._timeout = usb1.USBErrorTimeout
        self._reading = threading.Lock()
        self._closed = False
        try:
            self._usb: Any = UsbTransport.find_adb(serial=serial)
            self._usb.connect()
        except exceptions.UsbDeviceNotFoundError as exc:
            raise Unreachable(
                f"no phone {serial} on USB", hint="is USB debugging on, the cable a data cable, the serial right?"
            ) from exc
        except usb1.USBErrorAccess as exc:
            raise Unreachable(
                f"USB device {serial} may not be opened",
                hint="install Android's udev rules (Debian: android-sdk-platform-tools-common)",
            ) from exc
        except usb1.USBError as exc:
            raise Unreachable(f"USB device {serial}: {exc}", hint="does another program hold it?") from exc
        # adb-shell shows neither its settings nor its endpoints.
        self._packet_bytes = max(end.getMaxPacketSize() for end in self._usb._setting.iterEndpoints())

    def read(self, size: int, timeout_s: float | None) -> bytearray:
        data = bytearray()
        turns = None if timeout_s is None else max(1, round(timeout_s / TURN_S))
        while len(data) < size:
            if self._closed:
                raise ConnectionResetError("the link was closed")
            if turns == 0:
                raise TimeoutError("timed out")
            came = self._read_once(size - len(data))
            turns = turns if turns is None or came else turns - 1
            data += came
        return data

    def _read_once(self, size: int) -> bytes:
        """What came in one turn, which may be nothing."""
        with self._reading:
            try:
                return bytes(self._usb.bulk_read(size, TURN_S))
            except self._errors as exc:
                reason = getattr(exc, "usb_error", exc)
                if isinstance(reason, self._timeout):
                    return bytes(getattr(reason, "received", b""))
                raise ConnectionResetError(f"USB: {exc}") from exc

    def write(self, header: bytes, payload: Data) -> None:
        try:
            self._usb.bulk_write(header, WRITE_TIMEOUT_S)
            if payload:
                self._usb.bulk_write(bytes(payload), WRITE_TIMEOUT_S)
            # A transfer of whole packets ends with an empty one (AOSP packages/modules/adb/client/usb_linux.cpp).
            if payload and len(payload) % self._packet_bytes == 0:
                self._usb.bulk_write(b"", WRITE_TIMEOUT_S)
        except self._errors as exc:
            raise ConnectionResetError(f"USB: {exc}") from exc

    def close(self) -> None:
        self._closed = True
        with self._reading:
            self._usb.close()
