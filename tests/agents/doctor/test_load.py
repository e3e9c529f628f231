"""Processes, swap and thermal zones from trees of our own: proc(5), Documentation/driver-api/thermal/sysfs-api.rst."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.doctor import processes, swap, zones
from tests.agents.tree import lay

FIELDS = "S 1 1 1 0 -1 4194560 100 0 0 0 {user} {system} 0 0 20 0 1 0 100 1000 10 18446744073709551615"


def stat(name: str, user: int, system: int) -> str:
    return f"7 ({name}) {FIELDS.format(user=user, system=system)}\n"


@pytest.mark.parametrize("name", ["python3", "a) R 1 (b", "two words"])
def test_names_may_hold_anything(name: str) -> None:
    assert processes.parse_stat(stat(name, 30, 12)) == (name, 42, 1)


@pytest.mark.parametrize("text", ["", "7 python3 S 1", "7 (x) S 1"])
def test_a_line_that_is_cut_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        processes.parse_stat(text)


def test_the_busiest_first_and_not_ourselves() -> None:
    before = {
        1: ("init", 1.0),
        2: ("updater", 5.0),
        3: ("agent", 0.0),
        4: ("indexer", 0.0),
        5: ("gone", 1.0),
        7: ("same", 3.0),
    }
    after = {
        1: ("init", 1.0),
        2: ("updater", 6.5),
        3: ("agent", 2.0),
        4: ("indexer", 0.5),
        6: ("new", 0.9),
        7: ("same", 3.0),
    }
    found = processes.busy(before, after, 2.0, own_pid=3)
    assert [(p.name, p.cores) for p in found] == [("updater", 0.75), ("new", 0.45), ("indexer", 0.25)]


def test_a_whole_session_of_processes_can_be_left_out(tmp_path: Path) -> None:
    """The watchdog, the session, its sampler and what a runtime forks have one kernel session together."""
    other = stat("x", 9, 0).replace("S 1 1 1", "S 1 1 5")
    root = lay(tmp_path, {"proc/7/stat": stat("agent", 30, 0), "proc/8/stat": other})
    assert set(processes.cpu_times(root)) == {7, 8}
    assert set(processes.cpu_times(root, without_session=1)) == {8}


def test_a_real_busy_process_is_found() -> None:
    before, begin_s = processes.cpu_times("/"), time.monotonic()
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        before = processes.cpu_times("/")
        while processes.cpu_times("/").get(burner.pid, ("", 0.0))[1] < 0.2:
            assert time.monotonic() - begin_s < 60
            time.sleep(0.05)
        found = processes.busy(before, processes.cpu_times("/"), time.monotonic() - begin_s, os.getpid())
    finally:
        burner.kill()
        burner.wait()
    assert burner.pid in [process.pid for process in found]


def test_what_hides_processes_is_said(tmp_path: Path) -> None:
    assert processes.hidden(str(tmp_path)) is not None
    assert processes.hidden(lay(tmp_path, {"proc/1/stat": stat("init", 0, 0)})) is None


def test_swap_and_what_moves(tmp_path: Path) -> None:
    root = lay(
        tmp_path,
        {
            "proc/meminfo": "MemTotal: 4000 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n",
            "proc/vmstat": "pgpgin 9\npswpin 40\npswpout 60\n",
        },
    )
    found = swap.swap_use(root, 50, 2.0, {})
    assert found == swap.SwapUse(2048 * 1024, 1024 * 1024, 25.0)


def test_swap_that_is_not_told(tmp_path: Path) -> None:
    absent: dict[str, str] = {}
    assert swap.swap_use(str(tmp_path), None, 1.0, absent) is None
    assert "swap" in absent
    assert swap.parse_vmstat("pgpgin 9\n") is None


def test_the_lowest_trip_point_that_acts(tmp_path: Path) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    files = {f"{zone}/type": "cpu-thermal\n", f"{zone}/temp": "71500\n"}
    trips = {0: ("active", 50_000), 1: ("passive", 85_000), 2: ("critical", 110_000), 3: ("hot", -274_000)}
    for number, (kind, milli_c) in trips.items():
        files[f"{zone}/trip_point_{number}_type"] = f"{kind}\n"
        files[f"{zone}/trip_point_{number}_temp"] = f"{milli_c}\n"
    (found,) = zones.zones(lay(tmp_path, files), (), {})
    assert found == zones.Zone("cpu-thermal", 71.5, 85.0, "passive")


def test_no_zone_is_said(tmp_path: Path) -> None:
    absent: dict[str, str] = {}
    root = lay(tmp_path, {"sys/class/thermal/thermal_zone0/type": "PMIC-Die\n"})
    assert zones.zones(root, (), absent) == ()
    assert "thermal" in absent
