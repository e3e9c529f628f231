"""The memory of a command and all of its children, while it runs: the peak of the sum of their PSS."""

import os
import subprocess
import threading
from pathlib import Path

EVERY_S = 0.5


class PeakMemory:
    """Looks from a thread of its own until ``stop``; what two processes share is counted once (proc(5), Pss)."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.pss_bytes = 0
        self.processes = 0
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(EVERY_S):
            pids = family(self._process.pid)
            self.pss_bytes = max(self.pss_bytes, sum(map(_pss_bytes, pids)))
            self.processes = max(self.processes, len(pids))


def family(pid: int) -> list[int]:
    """The process and all that descend from it; also what has left its session, such as a master of ssh."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def _parent(path: Path) -> int | None:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def cpu_s(pids: list[int]) -> float:
    """What these processes and their children that have ended have used so far."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
