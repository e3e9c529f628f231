"""A device on an I2C bus of this machine, with registers of 16 bits, high byte first.

Linux Documentation/i2c/dev-interface.rst: ``/dev/i2c-N``, the address by ioctl, then plain reads and writes.
"""

import fcntl
import os
from typing import Protocol

# linux/i2c-dev.h; refuses an address that a kernel driver holds.
_I2C_SLAVE = 0x0703


class Registers(Protocol):
    """All raise OSError where the device does not answer."""

    def read(self, register: int) -> int:
        """0..65535."""
        ...

    def write(self, register: int, value: int) -> None: ...

    def close(self) -> None: ...


class I2cRegisters:
    """Raises OSError where there is no such bus, or a kernel driver holds the address."""

    def __init__(self, bus: int, address: int) -> None:
        self._fd = os.open(f"/dev/i2c-{bus}", os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._fd, _I2C_SLAVE, address)
        except OSError:
            os.close(self._fd)
            raise

    def read(self, register: int) -> int:
        os.write(self._fd, bytes([register]))
        data = os.read(self._fd, 2)
        if len(data) != 2:
            raise OSError(f"register {register:#x} gave {len(data)} bytes, expected 2")
        return int.from_bytes(data, "big")

    def write(self, register: int, value: int) -> None:
        os.write(self._fd, bytes([register]) + value.to_bytes(2, "big"))

    def close(self) -> None:
        os.close(self._fd)
