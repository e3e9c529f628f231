"""Who uses the CPU: two looks at /proc/PID/stat (proc(5))."""

import os
import time
from typing import Dict, Optional, Tuple

from agents import sysfs
from agents.device_facts import BusyProcess

# Below this share of a core a process does not matter for a stream.
_LEAST_CORES = 0.01
_MOST_NAMED = 8

Times = Dict[int, Tuple[str, float]]


def parse_stat(text: str) -> Tuple[str, int, int]:
    """(name, CPU ticks of user and system, kernel's session) of a line of /proc/PID/stat. The name may hold blanks and
    parentheses.
    """
    before, _, after = text.rpartition(")")
    words = after.split()
    if "(" not in before or len(words) < 13:
        raise ValueError(f"/proc/PID/stat must have a name in parentheses and 50 fields, got {text[:60]!r}")
    return before.partition("(")[2], int(words[11]) + int(words[12]), int(words[3])


def cpu_times(root: str, without_session: Optional[int] = None) -> Times:
    """pid -> (name, CPU seconds) of every process that can be seen, but for those of one kernel session (setsid(2))."""
    times: Times = {}
    hz = os.sysconf("SC_CLK_TCK")
    for path in sysfs.paths(root, "proc/[0-9]*/stat"):
        text = sysfs.read_text(path, "")
        try:
            name, ticks, session = parse_stat(text or "")
        except ValueError:
            continue  # It has ended meanwhile.
        if session == without_session:
            continue
        times[int(os.path.basename(os.path.dirname(path)))] = (name, ticks / hz)
    return times


def busy(before: Times, after: Times, window_s: float, own_pid: Optional[int] = None) -> Tuple[BusyProcess, ...]:
    """The processes that used most CPU between two looks, the busiest first; the agent itself is left out.

    One that began in between used all of its time in between.
    """
    used = {pid: (name, seconds - before.get(pid, ("", 0.0))[1]) for pid, (name, seconds) in after.items()}
    found = [
        BusyProcess(pid, name, seconds / window_s)
        for pid, (name, seconds) in used.items()
        if pid != own_pid and seconds >= _LEAST_CORES * window_s
    ]
    return tuple(sorted(found, key=lambda process: -process.cores)[:_MOST_NAMED])


class Watch:
    """Who uses the CPU from now on, apart from this process's own kernel session: watchdog, session and sampler."""

    def __init__(self, root: str) -> None:
        self._root, self._own, self._begin_s = root, os.getsid(0), time.monotonic()
        self._before = cpu_times(root, self._own)

    def busiest(self, most: int) -> Tuple[BusyProcess, ...]:
        """So many of them at most, over the time since."""
        window_s = time.monotonic() - self._begin_s
        return busy(self._before, cpu_times(self._root, self._own), window_s)[:most]


def hidden(root: str) -> Optional[str]:
    """Why the list of processes is not complete; None where it is. Android and hidepid show a user only its own."""
    if sysfs.read_text(root, "proc/1/stat") is None:
        return "this user sees only its own processes"
    return None
