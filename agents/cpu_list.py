"""Sets of CPUs as the kernel writes them: ``0-3,5`` (cpuset(7), List format)."""

from typing import Iterable, List


def parse_cpu_list(text: str) -> List[int]:
    """``0-3,5`` -> 0, 1, 2, 3, 5, sorted. Raises ValueError."""
    cpus: List[int] = []
    for part in filter(None, text.strip().split(",")):
        first, dash, last = part.partition("-")
        cpus += range(int(first), int(last if dash else first) + 1)
    return sorted(set(cpus))


def cpu_list(cpus: Iterable[int]) -> str:
    """0, 1, 2, 3, 5 -> ``0-3,5``: what the kernel reads back from a file into which it was written."""
    parts: List[List[int]] = []
    for cpu in sorted(set(cpus)):
        if parts and cpu == parts[-1][-1] + 1:
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in parts)
