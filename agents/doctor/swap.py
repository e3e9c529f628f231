"""Swap in use and in motion: /proc/meminfo and /proc/vmstat (proc(5))."""

from typing import Dict, Optional

from agents import sysfs
from agents.doctor.facts import SwapUse


def pages_moved(root: str) -> Optional[int]:
    """Pages swapped in and out since boot; None where it cannot be read."""
    return parse_vmstat(sysfs.read_text(root, "proc/vmstat") or "")


def parse_vmstat(text: str) -> Optional[int]:
    """pswpin + pswpout; None where the kernel has no swap."""
    counts = dict(line.split(None, 1) for line in text.splitlines() if len(line.split()) == 2)
    if "pswpin" not in counts or "pswpout" not in counts:
        return None
    return int(counts["pswpin"]) + int(counts["pswpout"])


def swap_use(root: str, moved_before: Optional[int], window_s: float, absent: Dict[str, str]) -> Optional[SwapUse]:
    """None, and the reason, where /proc/meminfo has no swap lines."""
    memory = sysfs.meminfo_bytes(root)
    if "SwapTotal" not in memory or "SwapFree" not in memory:
        absent["swap"] = "/proc/meminfo tells nothing of swap"
        return None
    moved = pages_moved(root)
    rate = None if moved is None or moved_before is None else (moved - moved_before) / window_s
    return SwapUse(memory["SwapTotal"], memory["SwapTotal"] - memory["SwapFree"], rate)
