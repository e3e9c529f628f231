"""Cores and clusters from /proc/cpuinfo and cpufreq."""

import os
import re
from typing import Dict, List, Optional, Tuple

from agents import sysfs
from agents.device_facts import Core
from agents.probe.core_names import core_name

# Keys that name a core's kind: "0x41/0xd0b" on Arm, the model's name on x86.
_X86_NAME = "model name"


def parse_cpuinfo(text: str) -> List[Dict[str, str]]:
    """One dict per block that starts with ``processor``; a summary line before or after belongs to none."""
    blocks: List[Dict[str, str]] = []
    for block in re.split(r"\n\s*\n", text):
        fields: Dict[str, str] = {}
        for line in block.splitlines():
            name, separator, value = line.partition(":")
            if separator:
                fields.setdefault(name.strip(), value.strip())
        if fields.get("processor", "").isdigit():
            blocks.append(fields)
    return blocks


def part_of(fields: Dict[str, str]) -> str:
    """The core's kind: implementer/part on Arm, the model's name elsewhere."""
    if "CPU part" in fields:
        return f"{fields.get('CPU implementer', '?')}/{fields['CPU part']}"
    return fields.get(_X86_NAME) or fields.get("uarch") or "unknown"


def cores(root: str, cpuinfo: str) -> Tuple[Core, ...]:
    """All cores that the system shows, clusters numbered from the slowest."""
    parts = {int(fields["processor"]): part_of(fields) for fields in parse_cpuinfo(cpuinfo)}
    if not parts:
        parts = dict.fromkeys(_present(root), "unknown")
    kinds = {cpu: (_max_hz(root, cpu), part) for cpu, part in parts.items()}
    # Documentation/ABI/testing/sysfs-devices-system-cpu; Arm kernels have it, and a core of another kind may be faster
    # at a lower frequency.
    capacity = {cpu: sysfs.read_int(root, f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity") for cpu in kinds}
    strength = {kind: capacity[cpu] or 0 for cpu, kind in kinds.items()}
    order = sorted(strength, key=lambda kind: (strength[kind], kind[0] or 0, kind[1]))
    return tuple(
        Core(cpu, order.index(kind), kind[1], kind[0], core_name(kind[1]), capacity[cpu])
        for cpu, kind in sorted(kinds.items())
    )


def _max_hz(root: str, cpu: int) -> Optional[int]:
    kilohertz = sysfs.read_int(root, f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq")
    return None if kilohertz is None else kilohertz * 1000


def _present(root: str) -> List[int]:
    folders = sysfs.paths(root, "sys/devices/system/cpu/cpu[0-9]*")
    return [int(os.path.basename(folder)[3:]) for folder in folders]
