"""Who uses the CPU: two looks at /proc/PID/stat (proc(5))."""

import os
from typing import Dict, Optional, Tuple

from agents import sysfs
from agents.doctor.facts import BusyProcess

# Below this share of a core a process does not matter for a stream.
_LEAST_CORES = 0.01
_MOST_NAMED = 8

Times = Dict[int, Tuple[str, float]]


def parse_stat(text: str) -> Tuple[str, int]:
    """(name, CPU ticks of user and system) of a line of /proc/PID/stat. The name may hold blanks and parentheses."""
    before, _, after = text.rpartition(")")
    words = after.split()
    if "(" not in before or len(words) < 13:
        raise ValueError(f"/proc/PID/stat must have a name in parentheses and 50 fields, got {text[:60]!r}")
    return before.partition("(")[2], int(words[11]) + int(words[12])


def cpu_times(root: str) -> Times:
    """pid -> (name, CPU seconds) of every process that can be seen."""
    times: Times = {}
    hz = os.sysconf("SC_CLK_TCK")
    for path in sysfs.paths(root, "proc/[0-9]*/stat"):
        text = sysfs.read_text(path, "")
        try:
            name, ticks = parse_stat(text or "")
        except ValueError:
            continue  # It has ended meanwhile.
        times[int(os.path.basename(os.path.dirname(path)))] = (name, ticks / hz)
    return times


def busy(before: Times, after: Times, window_s: float, own_pid: Optional[int] = None) -> Tuple[BusyProcess, ...]:
    """The processes that used most CPU between two looks, the busiest first; the agent itself is left out."""
    found = [
        BusyProcess(pid, name, (seconds - before[pid][1]) / window_s)
        for pid, (name, seconds) in after.items()
        if pid in before and pid != own_pid and seconds - before[pid][1] >= _LEAST_CORES * window_s
    ]
    return tuple(sorted(found, key=lambda process: -process.cores)[:_MOST_NAMED])


def hidden(root: str) -> Optional[str]:
    """Why the list of processes is not complete; None where it is. Android and hidepid show a user only its own."""
    if sysfs.read_text(root, "proc/1/stat") is None:
        return "this user sees only its own processes"
    return None
