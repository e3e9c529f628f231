"""Does something slow the device down? Flags of the Pi's firmware, Android's thermal service, the kernel's own.

What was found is always with its source. A latched flag counts: it tells what happened before one looked.
"""

from typing import List, Optional, Tuple

from agents import sysfs
from agents.ask import ask, has_tool
from agents.thermal import thermalservice, vcgencmd

# Cooling devices that slow the CPU down: mainline thermal-cpufreq-N, ACPI's Processor.
_CPU_COOLING = ("thermal-cpufreq", "cpufreq", "Processor")
# x86: arch/x86 therm_throt.c; Jetson Orin: over-current events, NVIDIA Developer Guide.
_COUNTERS = (
    "sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count",
    "sys/class/hwmon/hwmon*/oc*_event_cnt",
)


def throttle_count(root: str) -> Optional[int]:
    """Throttle events since boot, x86 packages and cores, Jetson's over-current; None where no kernel counts them."""
    counts = [sysfs.read_int(path, "") for pattern in _COUNTERS for path in sysfs.paths(root, pattern)]
    known = [c for c in counts if c is not None]
    return sum(known) if known else None


def read_throttled(root: str, count_before: Optional[int] = None) -> Tuple[Optional[bool], str]:
    """(True, False or None where nothing says so; the source).

    ``count_before`` turns a counter since boot into a statement about the time since.
    """
    told, cooling = _pi(root) or _android(root), _cooling_states(root)
    # A firmware that gives no answer does not hide what the kernel knows; the kernel knows not what a firmware does.
    if told is not None and (told[0] is not None or not any(cooling)):
        return told
    if any(cooling):
        return True, f"CPU cooling devices at {cooling}"
    count = throttle_count(root)
    if count is not None and count_before is not None and count < count_before:
        return None, f"throttle counters fell from {count_before} to {count}: they were set back"
    if count is not None and count_before is not None:
        return count > count_before, f"throttle counters rose by {count - count_before}"
    if cooling:
        return False, "CPU cooling devices at 0"
    if count is not None:
        return None, "throttle counters since boot: only a rise during the session says something"
    return None, "no throttle flag on this device"


def _pi(root: str) -> Optional[Tuple[Optional[bool], str]]:
    if not has_tool(root, "vcgencmd"):
        return None
    try:
        bits = vcgencmd.parse_get_throttled(ask(["vcgencmd", "get_throttled"]))
    except (OSError, ValueError) as error:
        return None, f"vcgencmd get_throttled: {error}"
    return bits != 0, vcgencmd.explain(bits)


def _android(root: str) -> Optional[Tuple[Optional[bool], str]]:
    if not has_tool(root, "dumpsys"):
        return None
    try:
        thermal = thermalservice.parse(ask(["dumpsys", "thermalservice"]))
    except (OSError, ValueError):
        return None  # Apps may not ask; the kernel's cooling devices may still say something.
    return throttled_by(thermal)


def throttled_by(thermal: thermalservice.Thermal) -> Tuple[bool, str]:
    """What the thermal service means for a measurement: any status above none, or a CPU held back."""
    held = [f"{name} at {level}" for name, level in sorted(thermal.cpu_cooling.items()) if level]
    name = thermalservice.STATUS_NAMES[thermal.status]
    return bool(thermal.status or held), "; ".join([f"thermalservice status {thermal.status} ({name})", *held])


def _cooling_states(root: str) -> List[int]:
    states = []
    for device in sysfs.paths(root, "sys/class/thermal/cooling_device*"):
        if (sysfs.read_text(device, "type") or "").startswith(_CPU_COOLING):
            state = sysfs.read_int(device, "cur_state")
            states += [] if state is None else [state]
    return states
