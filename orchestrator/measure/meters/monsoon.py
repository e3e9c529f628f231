"""Monsoon's Power Monitor (the white one, FTA22D, "LVPM"), which takes the battery's place, by its serial protocol.

Protocol: Monsoon Solutions, "Power Monitor serial protocol", as the Android test suites speak it. A packet is its
length, a body, and a checksum: the low byte of the sum of the length and the body. The black HVPM speaks USB bulk
transfers instead: for that one, use ``kind = "command"`` with Monsoon's own program.

Only sampling is started and stopped here; nobody's output voltage is touched.
"""

import contextlib
import os
import select
import termios
import time
import tty
from dataclasses import dataclass

from orchestrator.measure.meters.base import Channel, Meter, MeterOptions, plausible_w
from orchestrator.measure.meters.monsoon_packets import (
    ASK_STATUS,
    START,
    START_KEY,
    STOP,
    Calibration,
    is_status,
    packet,
    revision_of,
    samples_of,
    take_packet,
)

# 5 kHz: means of 100 ms each.
_SAMPLES_PER_READING = 500
_SAMPLE_S = 0.0002
_TIMEOUT_S = 3.0
# Its own limits: 8 A peak at 4.55 V.
_MOST_W = 40.0
POWER, VOLTAGE = "monsoon", "monsoon-voltage"


@dataclass(frozen=True, kw_only=True)
class MonsoonOptions(MeterOptions):
    """``port``: its serial device, such as /dev/ttyACM0, or better its name in /dev/serial/by-id."""

    port: str

    def check(self) -> None:
        if not self.port.startswith("/"):
            raise ValueError(f"port must be a device such as /dev/ttyACM0, got {self.port!r}")

    @property
    def interval_s(self) -> float:
        return 0.0

    @property
    def averages(self) -> bool:
        return True

    @property
    def source(self) -> str:
        return f"Monsoon Power Monitor at {self.port}"

    def channels(self) -> tuple[Channel, ...]:
        scope = self.scope or "battery"
        return Channel(POWER, "power_w", scope), Channel(VOLTAGE, "voltage_v", scope)

    def open(self) -> Meter:
        return Monsoon(self.port)


class Monsoon:
    """Sampling. Raises OSError where nothing answers there, ValueError for another device."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._buffer = b""
        try:
            if os.isatty(self._fd):
                tty.setraw(self._fd)
                termios.tcflush(self._fd, termios.TCIOFLUSH)
            self._send(STOP)
            self._calibration = Calibration(revision_of(self._status()))
            self._send(START_KEY)
            self._send(START)
        except BaseException as exc:
            os.close(self._fd)
            if isinstance(exc, termios.error):
                raise OSError(f"{port} is no serial device: {exc}") from exc
            raise
        self._sequence: int | None = None

    def _send(self, body: bytes) -> None:
        data = packet(body)
        while data:
            if not select.select([], [self._fd], [], _TIMEOUT_S)[1]:
                raise OSError(f"{self._port} takes no command")
            data = data[os.write(self._fd, data) :]

    def _status(self) -> bytes:
        self._send(ASK_STATUS)
        give_up_s = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < give_up_s:
            # Samples that were under way when it was stopped come first.
            with contextlib.suppress(ValueError):
                body = self._packet(give_up_s)
                if is_status(body):
                    return body
        raise OSError(f"{self._port} is no Power Monitor: it does not tell its status")

    def _packet(self, give_up_s: float) -> bytes:
        """The next body. Raises OSError where none comes, ValueError for one with a wrong checksum."""
        while (taken := take_packet(self._buffer)) is None:
            rest_s = give_up_s - time.monotonic()
            if rest_s <= 0 or not select.select([self._fd], [], [], rest_s)[0]:
                raise OSError(f"{self._port} sent nothing for {_TIMEOUT_S:g} s")
            piece = os.read(self._fd, 65536)
            if not piece:
                raise OSError(f"{self._port} is gone")
            self._buffer += piece
        body, self._buffer = taken
        if body is None:
            raise ValueError(f"{self._port} sent a packet with a wrong checksum")
        return body

    def read(self) -> dict[str, float]:
        """Means over the next 100 ms. Raises ValueError where a packet of them was lost."""
        give_up_s = time.monotonic() + _TIMEOUT_S + _SAMPLES_PER_READING * _SAMPLE_S
        powers: list[float] = []
        volts: list[float] = []
        while len(powers) < _SAMPLES_PER_READING:
            body = self._packet(give_up_s)
            self._check_sequence(body)
            for sample in samples_of(body, self._calibration):
                powers.append(sample.current_a * sample.voltage_v)
                volts.append(sample.voltage_v)
        mean_w = sum(powers) / len(powers)
        # The fine range's zero is calibrated to some 10 uA.
        return {POWER: plausible_w(max(mean_w, 0.0) if mean_w > -0.001 else mean_w, _MOST_W), VOLTAGE: _mean(volts)}

    def _check_sequence(self, body: bytes) -> None:
        if not body or not 0x20 <= body[0] <= 0x2F:
            return
        expected = None if self._sequence is None else (self._sequence + 1) & 0xF
        self._sequence = body[0] & 0xF
        if expected is not None and self._sequence != expected:
            raise ValueError(f"{self._port} lost packets: number {self._sequence} came instead of {expected}")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._send(STOP)
        os.close(self._fd)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
