"""Which CPUs serve which interrupts (Linux Documentation/core-api/irq/irq-affinity.rst)."""

import os
from typing import Dict, Iterable, Optional, Tuple

from agents import sysfs
from agents.doctor.facts import Irq

# Those of the distributions and of Qualcomm's phones.
_BALANCERS = ("irqbalance", "msm_irqbalance", "vendor.msm_irqbalance")
CHECK = "irq"


def irqs(root: str, absent: Dict[str, str]) -> Tuple[Irq, ...]:
    """All that have a handler, by number; one without never comes."""
    folders = sysfs.paths(root, "proc/irq/[0-9]*")
    found = [irq for irq in map(_irq, folders) if irq is not None]
    if not folders:
        absent[CHECK] = "/proc/irq cannot be seen here, as on most phones and in many containers"
    elif not found:
        absent[CHECK] = "no file /proc/irq/N/smp_affinity_list can be read here"
    return tuple(found)


def _irq(folder: str) -> Optional[Irq]:
    """A handler is a folder with its name (Linux kernel/irq/proc.c)."""
    cpus = sysfs.read_text(folder, "smp_affinity_list")
    try:
        handlers = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        return None
    if cpus is None or not handlers:
        return None
    return Irq(int(os.path.basename(folder)), os.path.join(folder, "smp_affinity_list"), cpus, tuple(handlers))


def balancer(names: Iterable[str]) -> Optional[str]:
    """The running program that would move them back; None where there is none among these processes."""
    return next((name for name in names if name in _BALANCERS), None)
