"""Small files of /proc and /sys, always below a ``root`` so that tests can lay their own tree."""

import glob
import os
import re
from typing import Dict, List, Optional, Tuple

# Where the kernel shows the device tree; the first one can be laid over in a container, the second cannot.
DEVICE_TREE = ("sys/firmware/devicetree/base", "proc/device-tree")


def read_text(root: str, path: str) -> Optional[str]:
    """The file's text without the zero bytes and blanks around it; None where it is absent or refuses to be read."""
    try:
        with open(os.path.join(root, path.lstrip("/")) if path else root, "rb") as file:
            return file.read().decode(errors="replace").strip("\0 \n\t")
    except OSError:
        return None


def read_int(root: str, path: str) -> Optional[int]:
    """The file's whole number, None where it is absent or holds something else."""
    text = read_text(root, path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def read_number(path: str) -> float:
    """The number in a file given by its full path. Raises OSError or ValueError: a sensor says why it has no value."""
    with open(path, encoding="ascii", errors="replace") as file:
        return float(file.read())


def paths(root: str, pattern: str) -> List[str]:
    """Full paths that match ``pattern`` below ``root``, in natural order (zone2 before zone10)."""
    found = glob.glob(os.path.join(root, pattern.lstrip("/")))
    return sorted(found, key=lambda p: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", p)])


def device_tree(root: str, name: str) -> Optional[str]:
    """A property of the board's device tree; None where there is no such thing."""
    for base in DEVICE_TREE:
        text = read_text(root, f"{base}/{name}")
        if text:
            return text
    return None


def meminfo_bytes(root: str) -> Dict[str, int]:
    """/proc/meminfo in bytes, by name; empty where it cannot be read."""
    values = {}
    for line in (read_text(root, "proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB":
            values[name] = int(words[0]) * 1024
    return values


def cpu_seconds(root: str) -> Optional[Tuple[float, float]]:
    """(busy, total) CPU seconds of all cores since boot from /proc/stat; time stolen by a hypervisor counts as busy."""
    for line in (read_text(root, "proc/stat") or "").splitlines():
        words = line.split()
        if words and words[0] == "cpu":
            # user nice system idle iowait irq softirq steal; guest times are inside user and nice.
            ticks = [int(w) for w in words[1:9]]
            hz = os.sysconf("SC_CLK_TCK")
            total = sum(ticks)
            return (total - ticks[3] - ticks[4]) / hz, total / hz
    return None


def rss_bytes(proc: str) -> int:
    """Resident memory of the process whose /proc folder is ``proc``. Raises OSError where it has ended."""
    with open(os.path.join(proc, "statm"), encoding="utf-8") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
