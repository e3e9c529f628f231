"""What processes of this machine use: processor time and memory, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_HZ = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """``peak_rss_bytes``: VmHWM."""

    cpu_s: float = 0.0
    peak_rss_bytes: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Of one after the other."""
        return Usage(self.cpu_s + other.cpu_s, max(self.peak_rss_bytes, other.peak_rss_bytes))


def usage_of(pid: int) -> Usage | None:
    """With its threads; None where it has ended."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
        used_s = _cpu_s(pid, with_reaped=False)
    except OSError:
        return None
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return Usage(used_s, 1024 * int(peak)) if peak else None


def family_cpu_s(pid: int) -> float | None:
    """Of the parent of ``pid``, all its children, and those that have ended: of a server that forks. None where /proc
    does not tell.
    """
    try:
        parent = int(_stat(pid)[1])
        used_s = _cpu_s(parent, with_reaped=True)
    except OSError:
        return None
    for each in _PROC.glob("[0-9]*"):
        try:
            if int(_stat(int(each.name))[1]) == parent:
                used_s += _cpu_s(int(each.name), with_reaped=False)
        except OSError:
            continue
    return used_s


def _cpu_s(pid: int, *, with_reaped: bool) -> float:
    # proc(5): fields 14 to 17 are utime, stime, cutime, cstime; the first of ours is field 3.
    fields = _stat(pid)
    return sum(int(field) for field in fields[11 : 15 if with_reaped else 13]) / _TICK_HZ


def _stat(pid: int) -> list[str]:
    """Fields after the name, which may hold anything."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
