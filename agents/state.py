"""The state of a device before and after a session: see ``device_facts.DeviceState``."""

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Tuple

from agents import ask, jetson, sensors, sysfs
from agents.device_facts import DeviceState
from agents.throttle import read_throttled

if TYPE_CHECKING:
    from agents.doctor.facts import AndroidFacts

# A background load is read over at least this long: /proc/stat counts in ticks of 10 ms.
SHORT_WINDOW_S = 0.2


@dataclass(frozen=True)
class CpuMark:
    """CPU time of all cores and of this process at one moment."""

    busy_s: float
    total_s: float
    own_s: float
    monotonic_ns: int


def cpu_mark(root: str) -> Optional[CpuMark]:
    """Now; None where /proc/stat cannot be read (Android hides it from apps)."""
    seconds = sysfs.cpu_seconds(root)
    if seconds is None:
        return None
    return CpuMark(seconds[0], seconds[1], time.process_time(), time.monotonic_ns())


def background_share(before: Optional[CpuMark], after: Optional[CpuMark]) -> Tuple[Optional[float], float]:
    """(share of all cores that others used between the marks in 0..1, seconds between them); None if too short."""
    if before is None or after is None:
        return None, 0.0
    window_s = (after.monotonic_ns - before.monotonic_ns) / 1e9
    # Counters that run backwards say nothing: a core that was taken offline takes its times with it.
    backwards = after.total_s <= before.total_s or after.busy_s < before.busy_s
    if window_s < 0.9 * SHORT_WINDOW_S or backwards:
        return None, window_s
    others_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    share = min(1.0, max(0.0, others_s / (after.total_s - before.total_s)))
    return share, window_s


def read_state(
    root: str,
    store_root: str,
    background: Tuple[Optional[float], float] = (None, 0.0),
    throttle_count_before: Optional[int] = None,
) -> DeviceState:
    """The state now. ``throttle_count_before`` turns a counter since boot into a statement about the time since."""
    throttled, source = read_throttled(root, throttle_count_before)
    found, _ = sensors.temperatures(root)
    phone = _phone(root)
    return DeviceState(
        frequency_hz=_frequencies(root),
        governor=_governor(root),
        temperature_c={s.name: value for s in found for value in [_read(s)] if value is not None},
        throttled=throttled,
        throttled_source=source,
        load_average_1m=_load_average(root),
        background_cpu_share=background[0],
        background_window_s=background[1],
        memory_available_bytes=sysfs.meminfo_bytes(root).get("MemAvailable"),
        disk_free_bytes=_disk_free(store_root),
        charging=_charging(root),
        power_mode=jetson.power_mode(root),
        clocks_locked=_clocks_locked(root),
        battery_percent=(phone.battery_percent if phone else None) or _battery_percent(root),
        screen_on=phone.screen_on if phone else None,
        doze=phone.doze if phone else None,
        power_save=phone.power_save if phone else None,
        max_frequency_hz=_highest_frequencies(root),
        wall_clock_utc_s=time.time(),
        monotonic_ns=time.monotonic_ns(),
    )


def _read(sensor: sensors.Sensor) -> Optional[float]:
    try:
        return sensor.read()
    except (OSError, ValueError):
        return None


def _frequencies(root: str) -> Tuple[int, ...]:
    values = [
        sysfs.read_int(p, "") for p in sysfs.paths(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
    ]
    return tuple(v * 1000 for v in values if v is not None)


def _highest_frequencies(root: str) -> Tuple[int, ...]:
    paths = sysfs.paths(root, "sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq")
    values = [sysfs.read_int(path, "") for path in paths]
    return tuple(value * 1000 for value in values if value is not None)


def _governor(root: str) -> Optional[str]:
    names = [
        sysfs.read_text(p, "") for p in sysfs.paths(root, "sys/devices/system/cpu/cpufreq/policy*/scaling_governor")
    ]
    return "+".join(sorted({n for n in names if n})) or None


def _clocks_locked(root: str) -> Optional[bool]:
    """Whether all cores may only run at one frequency, as jetson_clocks sets them; None without cpufreq."""
    policies = sysfs.paths(root, "sys/devices/system/cpu/cpufreq/policy*")
    limits = [[sysfs.read_int(p, f"scaling_{end}_freq") for end in ("min", "max")] for p in policies]
    known = [low == high for low, high in limits if low is not None and high is not None]
    return all(known) if known else None


def _load_average(root: str) -> Optional[float]:
    text = sysfs.read_text(root, "proc/loadavg")
    return float(text.split()[0]) if text else None


def _disk_free(path: str) -> Optional[int]:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def _phone(root: str) -> "Optional[AndroidFacts]":
    """What Android's framework says to this user; None off Android."""
    if not ask.has_tool(root, "dumpsys"):
        return None
    from agents.doctor import android

    return android.read_brief(ask.ask)


def _battery_percent(root: str) -> Optional[float]:
    for supply in sysfs.paths(root, "sys/class/power_supply/*"):
        if sysfs.read_text(supply, "type") == "Battery":
            percent = sysfs.read_int(supply, "capacity")
            if percent is not None:
                return float(percent)
    return None


def _charging(root: str) -> Optional[bool]:
    """True where a battery says Charging or Full on mains, False where it says Discharging; None without a battery."""
    for supply in sysfs.paths(root, "sys/class/power_supply/*"):
        if sysfs.read_text(supply, "type") == "Battery":
            status = sysfs.read_text(supply, "status")
            if status is not None and status != "Unknown":
                return status != "Discharging"
    return None
