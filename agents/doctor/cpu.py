"""Governors, frequency limits, cores and cgroup limits. Linux Documentation/admin-guide: pm/cpufreq, cgroup-v2."""

import os
from typing import Dict, List, Optional, Tuple

from agents import sysfs
from agents.cpu_list import parse_cpu_list
from agents.doctor.facts import CpuAccess, FrequencyPolicy

_CPU = "sys/devices/system/cpu"


def policies(root: str, absent: Dict[str, str]) -> Tuple[FrequencyPolicy, ...]:
    """All cpufreq policies; none, and the reason, on most virtual machines."""
    found = sysfs.paths(root, f"{_CPU}/cpufreq/policy*")
    if not found:
        absent["governor"] = absent["frequency"] = "no cpufreq on this device, or this user may not see it"
    read = tuple(_policy(path) for path in found)
    if found and all(policy.governor is None for policy in read):
        absent["governor"] = "scaling_governor cannot be read by this user"
    if found and all(policy.max_hz is None or policy.hardware_max_hz is None for policy in read):
        absent["frequency"] = "scaling_max_freq and cpuinfo_max_freq cannot be read by this user"
    return read


def _policy(path: str) -> FrequencyPolicy:
    return FrequencyPolicy(
        name=os.path.basename(path),
        path=path,
        governor=sysfs.read_text(path, "scaling_governor") or None,
        governors=tuple((sysfs.read_text(path, "scaling_available_governors") or "").split()),
        min_hz=_hz(path, "scaling_min_freq"),
        max_hz=_hz(path, "scaling_max_freq"),
        hardware_min_hz=_hz(path, "cpuinfo_min_freq"),
        hardware_max_hz=_hz(path, "cpuinfo_max_freq"),
    )


def _hz(path: str, name: str) -> Optional[int]:
    khz = sysfs.read_int(path, name)
    return None if khz is None else khz * 1000


def access(root: str, absent: Dict[str, str]) -> CpuAccess:
    online = parse_cpu_list(sysfs.read_text(root, f"{_CPU}/online") or "")
    if not online:
        absent["cores"] = f"/{_CPU}/online cannot be read"
    if sysfs.read_text(root, f"{_CPU}/isolated") is None:
        absent["isolation"] = f"/{_CPU}/isolated cannot be read"
    return CpuAccess(
        online=len(online) or os.cpu_count() or 1,
        offline=sysfs.read_text(root, f"{_CPU}/offline") or "",
        allowed=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        quota_cores=quota_cores(root, absent),
        isolated=sysfs.read_text(root, f"{_CPU}/isolated") or "",
        irq_mask=sysfs.read_text(root, "proc/irq/default_smp_affinity"),
    )


def parse_cpu_max(text: str) -> Optional[float]:
    """Cores of cgroup v2's ``cpu.max``, ``QUOTA PERIOD`` in us; None for ``max``. Raises ValueError."""
    words = text.split()
    if words and words[0] == "max":
        return None
    if len(words) != 2 or int(words[1]) <= 0:
        raise ValueError(f"cpu.max must be like '50000 100000', got {text!r}")
    return int(words[0]) / int(words[1])


def quota_cores(root: str, absent: Dict[str, str]) -> Optional[float]:
    """The tightest CPU limit of our cgroup and those above it; None where there is none."""
    groups = [line.split(":", 2) for line in (sysfs.read_text(root, "proc/self/cgroup") or "").splitlines()]
    limits: List[float] = []
    seen = False
    for number, controllers, path in [group for group in groups if len(group) == 3]:
        if number == "0":
            folder, read = "sys/fs/cgroup", _limit_v2
        elif "cpu" in controllers.split(","):
            folder, read = f"sys/fs/cgroup/{controllers}", _limit_v1
        else:
            continue
        if os.path.exists(os.path.join(root, folder, "cgroup.procs")):
            seen = True
            limits += [limit for level in _levels(path) for limit in [read(root, folder + level)] if limit is not None]
    if not seen:
        absent["cpu-quota"] = "no cgroup file system can be seen from here"
    return min(limits) if limits else None


def _levels(path: str) -> List[str]:
    """``/a/b`` -> ``/a/b``, ``/a``, and the root as the empty text."""
    parts = [part for part in path.split("/") if part and part != ".."]
    return ["".join(f"/{part}" for part in parts[:count]) for count in range(len(parts), -1, -1)]


def _limit_v2(root: str, folder: str) -> Optional[float]:
    text = sysfs.read_text(root, f"{folder}/cpu.max")
    try:
        return None if text is None else parse_cpu_max(text)
    except ValueError:
        return None


def _limit_v1(root: str, folder: str) -> Optional[float]:
    quota = sysfs.read_int(root, f"{folder}/cpu.cfs_quota_us")
    period = sysfs.read_int(root, f"{folder}/cpu.cfs_period_us")
    return quota / period if quota is not None and quota > 0 and period else None
