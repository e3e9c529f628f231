"""A backend that takes memory and gives it back, so much in each phase; and what a naive script says of the same.

``python -m tests.promises.hungry agent ...`` is the agent with this backend; ``... naive`` reads ru_maxrss after each.
"""

import json
import mmap
import os
import resource
import sys
import time
from pathlib import Path

from agents.sysfs import rss_bytes

MIB = 1 << 20
# Each less than the one before: whoever does not reset the peak says the first one's for all.
TAKES_MIB = {"import": 160, "load": 120, "first-run": 80, "steady": 40}
# Where the backend writes what it took, a line a phase.
LOG = "EARSHOT_TEST_HUNGRY_LOG"
# Some readings of the sampler at 20 Hz fall into it.
HOLD_S = 0.4


def take(phase: str) -> int:
    """Take so much, hold it, give it back; returns the peak that this made, in bytes, and writes it to the log."""
    peak_bytes = rss_bytes("/proc/self") + TAKES_MIB[phase] * MIB
    with mmap.mmap(-1, TAKES_MIB[phase] * MIB) as block:
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1
        time.sleep(HOLD_S)
    path = os.environ.get(LOG)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps([phase, peak_bytes]) + "\n")
    return peak_bytes


def naive() -> None:
    """What a script sees that asks for its peak after each step: [phase, true peak, ru_maxrss], in bytes."""
    for phase in TAKES_MIB:
        peak_bytes = take(phase)
        naive_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sys.stdout.write(json.dumps([phase, peak_bytes, naive_bytes]) + "\n")


def main(arguments: list[str]) -> None:
    if arguments[0] == "naive":
        naive()
        return
    from agents import backends
    from agents.__main__ import main as agent

    backends.BACKENDS["hungry"] = "tests.promises.hungry_backend:HungryBackend"
    agent(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
