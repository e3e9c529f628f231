"""The one clock of a session: monotonic, ns. Tests put another one in its place."""

import ctypes
import os
import sys
import time
from typing import Callable, Protocol

# prctl options from linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29


class Clock(Protocol):
    """``now_ns`` and ``cpu_ns`` (CPU time of the calling thread) are plain functions, because the loop calls them."""

    now_ns: Callable[[], int]
    cpu_ns: Callable[[], int]

    def wait_until(self, deadline_ns: int, spin_ns: int) -> None:
        """Return at ``deadline_ns`` or as soon after it as can be; never before. Spins at most ``spin_ns``."""
        ...


class MonotonicClock:
    """CLOCK_MONOTONIC: not moved by anyone who sets the time of day, and the same for all processes."""

    def __init__(self) -> None:
        self.now_ns = time.monotonic_ns
        self.cpu_ns = time.thread_time_ns

    def wait_until(self, deadline_ns: int, spin_ns: int) -> None:
        now = self.now_ns
        rest_ns = deadline_ns - spin_ns - now()
        if rest_ns > 0:
            time.sleep(rest_ns / 1e9)
        while now() < deadline_ns:
            pass


def prctl(option: int, value: int) -> bool:
    """Set a property of this process that only Linux knows; False where it cannot be set."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def sharpen_timers() -> bool:
    """Ask the kernel to wake this thread within 1 ns of its timers instead of 50 us; False where it will not."""
    return prctl(_PR_SET_TIMERSLACK, 1)


def die_with_parent(signal_number: int) -> bool:
    """Have the kernel send ``signal_number`` to this process when its parent ends; False where it will not."""
    return prctl(_PR_SET_PDEATHSIG, signal_number) and os.getppid() != 1
