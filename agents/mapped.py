"""Shared libraries that this process has in memory: what a runtime really brings, whatever its package holds."""

import os
from typing import Dict, Optional

from agents import sysfs


def libraries(root: str = "/") -> Optional[Dict[str, int]]:
    """Path -> bytes on the disk of every mapped shared library; None where /proc says nothing (proc(5), maps)."""
    text = sysfs.read_text(root, "proc/self/maps")
    if text is None:
        return None
    paths = {line.split(None, 5)[5] for line in text.splitlines() if line.count(" ") >= 5 and ".so" in line}
    return {path: os.stat(path).st_size for path in paths if os.path.isfile(path)}


def brought(before: Optional[Dict[str, int]], after: Optional[Dict[str, int]]) -> Optional[Dict[str, int]]:
    """Those of ``after`` that were not there ``before``."""
    if before is None or after is None:
        return None
    return {path: size for path, size in sorted(after.items()) if path not in before}
