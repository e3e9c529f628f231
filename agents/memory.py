"""Memory of this process per phase, from /proc/self/status with the peak reset at each phase's start."""

import os
from typing import Dict, List, Optional, Tuple

from agents import wire

# "5" resets VmHWM to VmRSS: Documentation/filesystems/proc.rst, clear_refs.
_RESET_PEAK = b"5\n"


def parse_status(text: str) -> Dict[str, int]:
    """The kB lines of /proc/<pid>/status in bytes, by name (VmHWM, VmRSS, RssAnon, RssFile, ...)."""
    values = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            values[name] = int(words[0]) * 1024
    return values


class PhaseMemory:
    """``begin`` a phase, ``end`` it, and read ``phases``."""

    def __init__(self, proc_self: str = "/proc/self") -> None:
        self._proc_self = proc_self
        self._phases: List[wire.PhaseMemory] = []
        self._method = "hwm-cumulative"

    def begin(self) -> None:
        """Reset the peak where the kernel permits it (it may be mounted read-only, or belong to another user)."""
        try:
            fd = os.open(os.path.join(self._proc_self, "clear_refs"), os.O_WRONLY)
        except OSError:
            self._method = "hwm-cumulative"
            return
        try:
            os.write(fd, _RESET_PEAK)
            self._method = "hwm-reset"
        except OSError:
            self._method = "hwm-cumulative"
        finally:
            os.close(fd)

    def end(self, phase: str) -> None:
        values = self._read()
        self._phases.append(
            wire.PhaseMemory(phase, values.get("VmHWM"), values.get("RssAnon"), values.get("RssFile"), self._method)
        )

    @property
    def phases(self) -> Tuple[wire.PhaseMemory, ...]:
        return tuple(self._phases)

    def _read(self) -> Dict[str, int]:
        try:
            with open(os.path.join(self._proc_self, "status"), encoding="utf-8") as file:
                return parse_status(file.read())
        except OSError:
            return {}


def rss_bytes(proc: str) -> Optional[int]:
    """Resident memory of the process whose /proc folder is ``proc``. Raises OSError where it has ended."""
    with open(os.path.join(proc, "statm"), encoding="utf-8") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
