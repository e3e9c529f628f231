"""Versions of the drivers below the runtimes, where the kernel's own version does not tell them."""

import re
from typing import Dict

from agents import sysfs

# Modules that come from their makers, each with a version of its own (Documentation/ABI/stable/sysfs-module): GPUs of
# NVIDIA, Arm, Imagination and Vivante, and accelerators of Hailo, Google, Rockchip and Intel.
_MODULES = ("nvidia", "nvgpu", "mali_kbase", "pvrsrvkm", "galcore", "hailo_pci", "apex", "rknpu", "intel_vpu")
# The first line of a Jetson's /etc/nv_tegra_release: # R36 (release), REVISION: 4.3, GCID: ...
_L4T = re.compile(r"# R(?P<major>\d+) \(release\), REVISION: (?P<minor>[\d.]+)")
# NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 ...
_NVRM = re.compile(r"Kernel Module\D*\s(?P<version>\d+\.\d[\d.]*)")


def drivers(root: str) -> Dict[str, str]:
    """Name -> version of what is loaded; a device without any has no entry."""
    found = {}
    for name in _MODULES:
        version = sysfs.read_text(root, f"sys/module/{name}/version")
        if version:
            found[name] = version
    nvrm = _NVRM.search(sysfs.read_text(root, "proc/driver/nvidia/version") or "")
    if nvrm and "nvidia" not in found:
        found["nvidia"] = nvrm["version"]
    l4t = _L4T.match(sysfs.read_text(root, "etc/nv_tegra_release") or "")
    if l4t:
        found["L4T"] = f"R{l4t['major']}.{l4t['minor']}"
    return found
