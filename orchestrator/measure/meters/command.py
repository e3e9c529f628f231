"""Any command that prints a power in W per line: the way in for every meter that Earshot does not know."""

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO

from orchestrator.measure.meters.base import Channel, Meter, MeterOptions, plausible_w

# A command that prints less often than this is of no use in a session of some seconds.
LINE_TIMEOUT_S = 5.0
_END_S = 2.0
# Bench supplies end below this.
_MOST_W = 10_000.0
POWER = "command"


@dataclass(frozen=True, kw_only=True)
class CommandOptions(MeterOptions):
    """``argv``: the command, run here without a shell, for as long as a session lasts. ``averaged``: each line is the
    mean since the one before.
    """

    argv: tuple[str, ...]
    averaged: bool = False

    def check(self) -> None:
        if not self.argv or not all(self.argv):
            raise ValueError('argv must be a command and its arguments, such as ["python3", "meter.py"]')

    @property
    def interval_s(self) -> float:
        return 0.0

    @property
    def averages(self) -> bool:
        return self.averaged

    @property
    def source(self) -> str:
        return f"command {self.argv[0]}"

    def channels(self) -> tuple[Channel, ...]:
        return (Channel(POWER, "power_w", self.scope or "board"),)

    def open(self) -> Meter:
        return CommandMeter(self.argv)


class CommandMeter:
    """The command, running. A reading is the next line. Raises OSError where it cannot be started."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._name = argv[0]
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A group of its own, so that a script's children end with it, and Ctrl-C reaches only us.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._pipe: IO[bytes] = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)
        self._rest = b""

    def read(self) -> dict[str, float]:
        line = self._line().decode("utf-8", "replace").strip()
        try:
            watts = float(line)
        except ValueError as exc:
            raise ValueError(f"{self._name} must print one number per line, got {line[:80]!r}") from exc
        return {POWER: plausible_w(watts, _MOST_W)}

    def _line(self) -> bytes:
        give_up_s = time.monotonic() + LINE_TIMEOUT_S
        while b"\n" not in self._rest:
            rest_s = give_up_s - time.monotonic()
            if rest_s <= 0 or not select.select([self._pipe], [], [], rest_s)[0]:
                raise OSError(f"{self._name} printed no line within {LINE_TIMEOUT_S:g} s")
            piece = os.read(self._pipe.fileno(), 65536)
            if not piece:
                raise OSError(f"{self._name} ended with exit code {self._process.wait(_END_S)}")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def close(self) -> None:
        """End the command and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._pipe.close()
