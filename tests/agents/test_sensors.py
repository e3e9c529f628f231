"""Temperature, frequency and state on trees of our own, in the kernel's documented formats."""

from pathlib import Path

import pytest

from agents import sensors
from agents.state import CpuMark, background_share, read_state
from agents.throttle import throttle_count
from tests.agents.tree import lay

# Documentation/ABI/testing/sysfs-class-thermal, Documentation/hwmon/sysfs-interface.rst: millidegrees.
ZONES = {
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48250\n",
    "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "-1500\n",
    "sys/class/thermal/thermal_zone2/type": "PMIC-Die\n",
    "sys/class/thermal/thermal_zone2/temp": "100000\n",
    "sys/class/thermal/thermal_zone10/type": "cv0 thermal\n",
    "sys/class/thermal/thermal_zone10/temp": "\n",
    "sys/class/hwmon/hwmon1/name": "k10temp\n",
    "sys/class/hwmon/hwmon1/temp1_input": "55125\n",
    "sys/class/hwmon/hwmon1/temp1_label": "Tctl\n",
}
CPUFREQ = {
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "schedutil\n",
    "sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq": "2400000\n",
    "sys/devices/system/cpu/cpufreq/policy4/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpu4/cpufreq/scaling_cur_freq": "2400000\n",
}
PROC = {
    "proc/loadavg": "0.42 0.30 0.20 1/200 1234\n",
    "proc/meminfo": "MemTotal:        8000000 kB\nMemAvailable:    6000000 kB\nHugePages_Total:       0\n",
}


def test_temperatures_by_name_and_reasons_for_the_rest(tmp_path: Path) -> None:
    found, absent = sensors.temperatures(lay(tmp_path, ZONES))
    assert {s.name: s.read() for s in found} == {"cpu-thermal": 48.25, "cpu-thermal.2": -1.5, "k10temp.Tctl": 55.125}
    assert set(absent) == {"temperature_c.PMIC-Die", "temperature_c.cv0_thermal"}
    assert "constant" in absent["temperature_c.PMIC-Die"]


def test_no_sensor_is_no_zero(tmp_path: Path) -> None:
    assert sensors.temperatures(str(tmp_path)) == (
        [],
        {"temperature_c": "no thermal zone and no hwmon temperature on this device"},
    )
    assert sensors.frequencies(str(tmp_path)) == ([], {"frequency_hz": "no cpufreq on this device"})
    nothing = read_state(str(tmp_path), str(tmp_path))
    assert (nothing.temperature_c, nothing.frequency_hz, nothing.governor) == ({}, (), None)
    assert (nothing.throttled, nothing.load_average_1m, nothing.memory_available_bytes) == (None, None, None)
    assert (nothing.charging, nothing.background_cpu_share) == (None, None)


def test_state(tmp_path: Path) -> None:
    now = read_state(lay(tmp_path, {**ZONES, **CPUFREQ, **PROC}), str(tmp_path / "not" / "there"), (0.25, 1.5))
    assert now.frequency_hz == (1_500_000_000, 2_400_000_000)
    assert now.governor == "performance+schedutil"
    assert now.temperature_c["cpu-thermal"] == 48.25
    assert now.load_average_1m == 0.42
    assert now.memory_available_bytes == 6_000_000 * 1024
    assert (now.background_cpu_share, now.background_window_s) == (0.25, 1.5)
    assert now.disk_free_bytes is not None
    assert now.disk_free_bytes > 0


@pytest.mark.parametrize(
    ("status", "charging"), [("Charging", True), ("Full", True), ("Discharging", False), ("Unknown", None)]
)
def test_charging(tmp_path: Path, status: str, charging: bool | None) -> None:
    files = {"sys/class/power_supply/b/type": "Battery\n", "sys/class/power_supply/b/status": f"{status}\n"}
    assert read_state(lay(tmp_path, files), str(tmp_path)).charging is charging


def cooling(level: int, kind: str = "thermal-cpufreq-0") -> dict[str, str]:
    folder = "sys/class/thermal/cooling_device0"
    return {f"{folder}/type": f"{kind}\n", f"{folder}/cur_state": f"{level}\n"}


def test_throttling_by_cooling_devices(tmp_path: Path) -> None:
    assert read_state(lay(tmp_path, cooling(2)), str(tmp_path)).throttled is True
    assert read_state(lay(tmp_path, cooling(0)), str(tmp_path)).throttled is False
    assert read_state(lay(tmp_path, cooling(1, "pwm-fan")), str(tmp_path)).throttled is None


def test_throttling_by_counters_needs_a_rise(tmp_path: Path) -> None:
    name = "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"
    root = lay(tmp_path, {name: "7\n"})
    before = throttle_count(root)
    assert before == 7
    assert read_state(root, root).throttled is None
    assert read_state(root, root, (None, 0.0), before).throttled is False
    lay(tmp_path, {name: "9\n"})
    after = read_state(root, root, (None, 0.0), before)
    assert after.throttled is True
    assert "rose by 2" in after.throttled_source


def test_clocks_are_locked_where_they_have_no_room(tmp_path: Path) -> None:
    policy = "sys/devices/system/cpu/cpufreq/policy0/scaling_"
    root = lay(tmp_path, {**CPUFREQ, f"{policy}min_freq": "729600\n", f"{policy}max_freq": "1510400\n"})
    assert read_state(root, root).clocks_locked is False
    lay(tmp_path, {f"{policy}min_freq": "1510400\n"})
    assert read_state(root, root).clocks_locked is True


@pytest.mark.parametrize("text", ["4194304000\n", "-274000\n", "nan\n", "48,25\n", ""])
def test_a_temperature_that_cannot_be_is_none(tmp_path: Path, text: str) -> None:
    found, absent = sensors.temperatures(lay(tmp_path, {**ZONES, "sys/class/thermal/thermal_zone0/temp": text}))
    assert "cpu-thermal" not in {s.name for s in found}
    assert "temperature_c.cpu-thermal" in absent


def test_background_is_what_others_used() -> None:
    before, after = CpuMark(10.0, 100.0, 1.0, 0), CpuMark(13.0, 104.0, 2.0, 2_000_000_000)
    # Four core-seconds went by, three of them busy, one of these our own.
    assert background_share(before, after) == (0.5, 2.0)
    assert background_share(None, after) == (None, 0.0)
    assert background_share(before, CpuMark(10.1, 100.1, 1.0, 50_000_000)) == (None, 0.05)
    assert background_share(before, CpuMark(11.0, 104.0, 3.0, 2_000_000_000)) == (0.0, 2.0)
    assert background_share(before, CpuMark(9.0, 104.0, 1.0, 2_000_000_000)) == (None, 2.0)
