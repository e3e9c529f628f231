"""Throttling and power mode as a device's own tools tell them: stand-ins on the PATH, in the tools' formats."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents import jetson, throttle
from agents.throttle import read_throttled
from tests.agents.device import REPOSITORY
from tests.agents.sensor_texts import text_of
from tests.agents.tree import lay

VCGENCMD = """case "$*" in
measure_temp) echo "temp=51.0'C";;
"measure_clock arm") echo "frequency(0)=1500000000";;
get_throttled) echo "throttled={bits}";;
*) echo 'error=1 error_msg="Command not registered"';;
esac
"""


def stand_in(folder: Path, name: str, script: str) -> None:
    """A tool of ours, in a folder that the test puts on the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + script)
    (folder / name).chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize(("bits", "throttled"), [("0x0", False), ("0x50000", True), ("0x4", True)])
def test_a_pi_counts_what_is_latched(tools: Path, bits: str, throttled: bool) -> None:
    stand_in(tools, "vcgencmd", VCGENCMD.replace("{bits}", bits))
    assert read_throttled("/")[0] is throttled
    assert f"get_throttled={bits}" in read_throttled("/")[1]


def test_a_pi_that_gives_no_answer_is_not_cool(tools: Path) -> None:
    stand_in(tools, "vcgencmd", "echo VCHI initialization failed; exit 255\n")
    throttled, source = read_throttled("/")
    assert throttled is None
    assert "VCHI initialization failed" in source


def test_android(tools: Path) -> None:
    (tools / "text").write_text(text_of("dumpsys_thermalservice.txt"))
    stand_in(tools, "dumpsys", f'[ "$1" = thermalservice ] && cat {tools}/text\n')
    assert read_throttled("/") == (True, "thermalservice status 2 (moderate); thermal-cpufreq-6 at 3")


def test_over_current_events_of_a_jetson_count_while_they_rise(tmp_path: Path) -> None:
    path = "sys/class/hwmon/hwmon2/oc1_event_cnt"
    root = lay(tmp_path, {path: "3\n"})
    assert read_throttled(root)[0] is None
    assert read_throttled(root, 3) == (False, "throttle counters rose by 0")
    assert read_throttled(root, 1)[0] is True
    # Set back, by a driver that was loaded anew or a device that rebooted: it says nothing.
    assert read_throttled(root, 7) == (None, "throttle counters fell from 7 to 3: they were set back")


def test_power_mode_and_clocks(tools: Path) -> None:
    stand_in(tools, "nvpmodel", "echo 'NVPM WARN: fan mode is not set!'; echo 'NV Power Mode: MAXN_SUPER'; echo 2\n")
    (tools / "text").write_text(text_of("jetson_clocks_show.txt"))
    stand_in(tools, "jetson_clocks", f"cat {tools}/text\n")
    assert jetson.power_mode("/") == "MAXN_SUPER"
    # cpu2 is offline and does not count; the GPU may still move.
    assert jetson.clocks("/") == jetson.Clocks(cpu_locked=True, gpu_locked=False)
    stand_in(tools, "jetson_clocks", "echo 'Error: run as root'; exit 1\n")
    assert jetson.clocks("/") is None


@pytest.mark.parametrize("text", ["", "NV Power Mode:\n", "NVPM ERROR: no mode\n"])
def test_no_power_mode(text: str) -> None:
    with pytest.raises(ValueError, match="NV Power Mode"):
        jetson.parse_power_mode(text)


def test_clocks_without_a_core() -> None:
    with pytest.raises(ValueError, match="cpu0: Online=1"):
        jetson.parse_clocks("GPU MinFreq=1 MaxFreq=1 CurrentFreq=1\n")


def test_the_sensors_verb_says_what_each_sensor_is_and_reads(tools: Path) -> None:
    """The agent as a process, on a stand-in Pi."""
    stand_in(tools, "vcgencmd", VCGENCMD.replace("{bits}", "0x0"))
    argv = [sys.executable, "-m", "agents", "sensors", "--every", "0.01", "--count", "3"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=True)
    first, *rest = map(json.loads, done.stdout.splitlines())
    assert len(rest) == 3
    about = {s["name"]: s for s in first["sensors"]}
    assert about["vcgencmd.arm"]["usable"]
    assert about["vcgencmd.arm"]["source"] == "vcgencmd measure_clock arm"
    assert "only a Raspberry Pi 5" in about["power.pmic"]["reason"]
    assert first["facts"]["throttled"].startswith("no: vcgencmd")
    values = {r["name"]: r["value"] for r in rest[-1]["readings"]}
    assert (values["vcgencmd.temp"], values["vcgencmd.arm"]) == (51.0, 1.5e9)


def test_the_sensors_verb_refuses_nonsense() -> None:
    argv = [sys.executable, "-m", "agents", "sensors", "--every", "often"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False)
    assert done.returncode == 2
    assert "--every must be seconds" in done.stderr


def test_a_silent_firmware_does_not_hide_what_the_kernel_holds_back(
    tools: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(tools, "vcgencmd", "exit 255\n")
    monkeypatch.setattr(throttle, "has_tool", lambda root, name: name == "vcgencmd")
    cooling = "sys/class/thermal/cooling_device0"
    root = lay(tmp_path, {f"{cooling}/type": "cpufreq-cpu0\n", f"{cooling}/cur_state": "2\n"})
    assert read_throttled(root) == (True, "CPU cooling devices at [2]")
    lay(tmp_path, {f"{cooling}/cur_state": "0\n"})
    assert read_throttled(root)[0] is None
