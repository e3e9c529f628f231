"""What a Jetson's own tools say about its clocks: the power mode (nvpmodel) and whether they are locked.

Formats: NVIDIA Jetson Linux Developer Guide, "nvpmodel GUI/CLI" and "jetson_clocks".
"""

import re
from dataclasses import dataclass
from typing import Optional

from agents import sysfs
from agents.ask import ask, has_tool

_MODE = re.compile(r"^NV Power Mode: ?(?P<name>\S.*?)\s*$", re.MULTILINE)
_NUMBER = re.compile(r"^(?P<number>\d{1,3})\s*$", re.MULTILINE)
_CPU = re.compile(r"^cpu\d+: +Online=(?P<online>[01]) .*?MinFreq=(?P<low>\d+) MaxFreq=(?P<high>\d+) ", re.MULTILINE)
_GPU = re.compile(r"^GPU MinFreq=(?P<low>\d+) MaxFreq=(?P<high>\d+) ", re.MULTILINE)


# The device tree's name of NVIDIA's mobile chips, which all share one memory between CPU and GPU.
_TEGRA = "nvidia,tegra"


@dataclass(frozen=True)
class Clocks:
    """None: not told. Locked means that the lowest allowed frequency is the highest one."""

    cpu_locked: Optional[bool]
    gpu_locked: Optional[bool]


def has_unified_memory(root: str) -> bool:
    """Whether what a GPU takes is missing from the CPU's memory, and shows in no process."""
    names = (sysfs.device_tree(root, "compatible") or "").split("\0")
    return any(name.startswith(_TEGRA) for name in names)


def parse_power_mode(text: str) -> str:
    """``15W`` of ``NV Power Mode: 15W`` and the mode's number on the line after it. Raises ValueError."""
    match = _MODE.search(text)
    if match is None:
        raise ValueError(f"nvpmodel -q must say NV Power Mode: ..., got {text[:120]!r}")
    return match["name"]


def parse_clocks(text: str) -> Clocks:
    """``jetson_clocks --show``; cores that are offline do not count. Raises ValueError where it shows no core."""
    cores = [m["low"] == m["high"] for m in _CPU.finditer(text) if m["online"] == "1"]
    if not cores:
        raise ValueError(f"jetson_clocks --show must have lines cpu0: Online=1 ..., got {text[:120]!r}")
    gpu = _GPU.search(text)
    return Clocks(all(cores), gpu["low"] == gpu["high"] if gpu else None)


def power_mode(root: str) -> Optional[str]:
    """The name of the power mode now; None off a Jetson, or where nvpmodel does not answer."""
    if not has_tool(root, "nvpmodel"):
        return None
    try:
        return parse_power_mode(ask(["nvpmodel", "-q"]))
    except (OSError, ValueError):
        return None


def parse_power_mode_number(text: str) -> int:
    """``2`` of the line after ``NV Power Mode: 25W``. Raises ValueError."""
    match = _NUMBER.search(text)
    if match is None:
        raise ValueError(f"nvpmodel -q must say its mode's number on a line of its own, got {text[:120]!r}")
    return int(match["number"])


def power_mode_number(root: str) -> Optional[int]:
    """What ``nvpmodel -m`` takes to come back to the mode now; None off a Jetson, or where nvpmodel does not answer."""
    if not has_tool(root, "nvpmodel"):
        return None
    try:
        return parse_power_mode_number(ask(["nvpmodel", "-q"]))
    except (OSError, ValueError):
        return None


def clocks(root: str) -> Optional[Clocks]:
    """What jetson_clocks shows; None off a Jetson, or where it does not answer (it wants root)."""
    if not has_tool(root, "jetson_clocks"):
        return None
    try:
        return parse_clocks(ask(["jetson_clocks", "--show"]))
    except (OSError, ValueError):
        return None
