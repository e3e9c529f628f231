"""Is time kept well here: how late a sleep ends, whether the monotonic clock ever goes back, whether the wall clock is
being stepped.
"""

import time
from typing import List, Optional, Tuple

from agents import sysfs

# As many wake-ups as show the tail, in about a quarter of a second.
_SLEEPS, _SLEEP_S = 100, 0.001
_READS = 5000


def wake_errors_ns() -> List[int]:
    """How much later than asked each of 100 sleeps of 1 ms ended, sorted."""
    errors = []
    for _ in range(_SLEEPS):
        begin = time.monotonic_ns()
        time.sleep(_SLEEP_S)
        errors.append(time.monotonic_ns() - begin - int(_SLEEP_S * 1e9))
    return sorted(errors)


def backward_steps() -> int:
    """How often the monotonic clock went back between two readings: 0 on a sound device."""
    readings = [time.monotonic_ns() for _ in range(_READS)]
    return sum(readings[i + 1] < readings[i] for i in range(len(readings) - 1))


def timer_slack_ns(root: str) -> Optional[int]:
    """By how much the kernel may delay our wake-ups to save power (proc(5)); 50 us by default."""
    return sysfs.read_int(root, "proc/self/timerslack_ns")


def both() -> Tuple[float, float]:
    """(wall clock, monotonic clock) now, in s."""
    return time.time(), time.monotonic()
