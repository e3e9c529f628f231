"""ADB's packets: six little-endian words, then the payload (AOSP packages/modules/adb: protocol.txt, adb.h)."""

import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np

HEADER = struct.Struct("<6I")
# From this version on neither side looks at the checksum of a payload (adb.h, A_VERSION_SKIP_CHECKSUM).
VERSION = NO_CHECKSUM_VERSION = 0x01000001
# The most that any version of adbd takes in one packet (adb.h, MAX_PAYLOAD).
MAX_PAYLOAD_BYTES = 1 << 20
CNXN, AUTH, STLS, OPEN, OKAY, CLSE, WRTE = (
    int.from_bytes(name, "little") for name in (b"CNXN", b"AUTH", b"STLS", b"OPEN", b"OKAY", b"CLSE", b"WRTE")
)
AUTH_TOKEN, AUTH_SIGNATURE, AUTH_PUBLIC_KEY = 1, 2, 3

# Anything that has bytes.
Data = bytes | bytearray | memoryview


class NotAdb(ConnectionError):
    """Something else speaks at the other end."""


class Link(Protocol):
    """Carries packets to one device: TCP or USB. One thread reads; writers take turns by a lock of their own.

    Raises ConnectionError for a lost link, TimeoutError where nothing came in time.
    """

    def read(self, size: int, timeout_s: float | None) -> bytearray:
        """Exactly ``size`` bytes. After a TimeoutError with ``timeout_s`` the link is of no more use."""
        ...

    def write(self, header: bytes, payload: Data) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Packet:
    """``arg0`` and ``arg1`` mean what the command says: most often the sender's and the receiver's stream."""

    command: int
    arg0: int
    arg1: int
    payload: bytearray


def read_packet(link: Link, timeout_s: float | None) -> Packet:
    """Raises NotAdb, and what the link raises."""
    command, arg0, arg1, size, _, magic = HEADER.unpack(link.read(HEADER.size, timeout_s))
    if magic != command ^ 0xFFFFFFFF or size > MAX_PAYLOAD_BYTES:
        raise NotAdb("no ADB is spoken there")
    return Packet(command, arg0, arg1, link.read(size, timeout_s) if size else bytearray())


def write_packet(link: Link, command: int, arg0: int, arg1: int, payload: Data = b"", *, checked: bool = False) -> None:
    """``checked``: with a checksum, for a device that may be old."""
    checksum = int(np.frombuffer(payload, np.uint8).sum(dtype=np.uint32)) if checked and payload else 0
    link.write(HEADER.pack(command, arg0, arg1, len(payload), checksum, command ^ 0xFFFFFFFF), payload)
