"""The bodies of Monsoon's packets: commands, status, samples and calibration. See ``monsoon``."""

import struct
from dataclasses import dataclass

ASK_STATUS = bytes([0x01, 0x00, 0x00])
# Written before START by every program that speaks to it.
START_KEY = bytes([0x01, 0x1B, 0x01])
START = bytes([0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x03, 0xE8])
STOP = bytes([0x03, 0x00])

STATUS = struct.Struct(">BBBhhhHhhhHBBBxBbHBHHHHBbbHHBBBbbbbbbbbbBH")
_STATUS_TYPE = 0x10
_HARDWARE_REVISION = 27
_SAMPLE = struct.Struct(">hhhh")
_HEADER_BYTES = 4
_DATA, _ZERO, _REFERENCE = 0, 1, 2
# Full-scale currents of both ranges' references, in A.
_FINE_A, _COARSE_A = 0.0332, 2.88


@dataclass(frozen=True)
class Sample:
    """Of the main channel, one every 0.2 ms."""

    current_a: float
    voltage_v: float


class Calibration:
    """Zero and reference of both ranges, as the device sends them about once a second among its samples."""

    def __init__(self, hardware_revision: int) -> None:
        # V per bit of the main voltage.
        self.volts_per_bit = 62.5e-6 if hardware_revision == 1 else 125e-6
        self._zero: tuple[int, int] | None = None
        self._reference: tuple[int, int] | None = None

    def take(self, kind: int, fine: int, coarse: int) -> None:
        if kind == _ZERO:
            self._zero = fine, coarse
        else:
            self._reference = fine, coarse

    def current_a(self, raw: int) -> float | None:
        """The lowest bit tells the range. None before both calibrations have come."""
        if self._zero is None or self._reference is None:
            return None
        coarse = raw & 1
        span = self._reference[coarse] - self._zero[coarse]
        if span <= 0:
            raise ValueError(f"calibration must have its reference above its zero, got {self._reference}, {self._zero}")
        value = (raw & ~1) if coarse else raw
        return (value - self._zero[coarse]) * (_COARSE_A if coarse else _FINE_A) / span


def packet(body: bytes) -> bytes:
    """With length and checksum."""
    length = len(body) + 1
    return bytes([length]) + body + bytes([(length + sum(body)) % 256])


def take_packet(buffer: bytes) -> tuple[bytes | None, bytes] | None:
    """(The first body, the rest); None while the packet is not whole. The body is None where its checksum is wrong."""
    if not buffer or len(buffer) < 1 + buffer[0]:
        return None
    length = buffer[0]
    if length == 0:
        return b"", buffer[1:]
    body, checksum, rest = buffer[1:length], buffer[length], buffer[length + 1 :]
    return (body if (length + sum(body)) % 256 == checksum else None), rest


def is_status(body: bytes) -> bool:
    return len(body) == STATUS.size and body[0] == _STATUS_TYPE


def revision_of(status: bytes) -> int:
    """The hardware's revision from the body of a status."""
    return int(STATUS.unpack(status)[_HARDWARE_REVISION])


def samples_of(body: bytes, calibration: Calibration) -> list[Sample]:
    """The samples of a data packet, none of a calibration packet, which goes to ``calibration``.

    Raises ValueError for a packet of another kind.
    """
    if len(body) < _HEADER_BYTES + _SAMPLE.size + 1 or not 0x20 <= body[0] <= 0x2F:
        raise ValueError(f"not a packet of samples: {body[:8].hex()}")
    kind = body[1]
    # One byte follows the last record.
    records = [_SAMPLE.unpack_from(body, at) for at in range(_HEADER_BYTES, len(body) - _SAMPLE.size, _SAMPLE.size)]
    if kind in (_ZERO, _REFERENCE) and len(records) >= 2:
        calibration.take(kind, records[0][0], records[1][0])
        return []
    if kind != _DATA:
        raise ValueError(f"unknown packet of kind {kind}")
    samples = []
    for main, _, _, voltage in records:
        current_a = calibration.current_a(main)
        if current_a is not None:
            # The two lowest bits are flags.
            samples.append(Sample(current_a, (voltage & 0xFFFC) * calibration.volts_per_bit))
    return samples
