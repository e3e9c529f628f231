"""A stand-in Power Monitor at the far end of a pseudo-terminal, speaking the serial protocol of ``monsoon``."""

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.measure.meters.monsoon_packets import STATUS, packet, take_packet

# Zero and reference of both ranges, in counts of the converter.
FINE_ZERO, FINE_REF, COARSE_ZERO, COARSE_REF = 100, 3420, 200, 29000


class StandInMonitor(threading.Thread):
    """``main`` and ``voltage``: raw records that it sends; ``lose``: skips one sequence number; ``damage``: one packet
    comes with a wrong checksum.
    """

    def __init__(self, fd: int, main: int, voltage: int, revision: int = 3) -> None:
        super().__init__(name="stand-in monitor")
        self._fd = fd
        self.main, self.voltage, self._revision = main, voltage, revision
        self.lose = self.damage = False
        self.commands: list[bytes] = []
        self.stopped = threading.Event()
        self._running = False
        self._sequence = 0

    def run(self) -> None:
        buffer = b""
        while not self.stopped.is_set():
            try:
                if select.select([self._fd], [], [], 0.002)[0]:
                    buffer += os.read(self._fd, 4096)
                while taken := take_packet(buffer):
                    body, buffer = taken
                    if body:
                        self._obey(body)
                if self._running:
                    self._stream()
            except OSError:
                return  # The other side has closed the terminal.

    def _obey(self, body: bytes) -> None:
        self.commands.append(body)
        if body == bytes([1, 0, 0]):
            fields = [0] * 41
            fields[0], fields[27] = 0x10, self._revision
            self._write(packet(STATUS.pack(*fields)))
        elif body[0] == 0x02:
            self._running = True
            self._records(1, [(FINE_ZERO, 0, 0, 0), (COARSE_ZERO, 0, 0, 0)])
            self._records(2, [(FINE_REF, 0, 0, 0), (COARSE_REF, 0, 0, 0)])
        elif body[0] == 0x03:
            self._running = False

    def _stream(self) -> None:
        if not select.select([], [self._fd], [], 0)[1]:
            return
        self._records(0, [(self.main, 0, 0, self.voltage)] * 25)

    def _records(self, kind: int, records: list[tuple[int, int, int, int]]) -> None:
        if self.lose:
            self._sequence, self.lose = self._sequence + 1, False
        body = bytes([0x20 | (self._sequence & 0xF), kind, 0, 0])
        body += b"".join(v.to_bytes(2, "big", signed=True) for record in records for v in record) + b"\0"
        self._sequence += 1
        data = packet(body)
        if self.damage:
            data, self.damage = data[:-1] + bytes([data[-1] ^ 0xFF]), False
        self._write(data)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]


@contextmanager
def monitor(main: int, voltage: int, revision: int = 3) -> Iterator[tuple[StandInMonitor, str]]:
    """(The stand-in, the port on which it answers)."""
    far, near = os.openpty()
    tty.setraw(far)
    tty.setraw(near)
    stand_in = StandInMonitor(far, main, voltage, revision)
    stand_in.start()
    try:
        yield stand_in, os.ttyname(near)
    finally:
        stand_in.stopped.set()
        # A writer that waits for room in the terminal goes on when both ends are closed.
        os.close(near)
        stand_in.join()
        os.close(far)
