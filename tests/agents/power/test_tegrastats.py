"""tegrastats of each JetPack, cut and mutated lines, and the real tool's manners: a process that ticks."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.power import Absent, tegrastats
from agents.power.lines import Lines
from tests.agents.device import REPOSITORY
from tests.agents.sensor_texts import on_real_outputs, sample_of, text_of

NANO = text_of("tegrastats_jetpack4_nano.txt")
XAVIER = text_of("tegrastats_jetpack4_xavier.txt")
EARLY_5 = text_of("tegrastats_jetpack5_early.txt")
ORIN = text_of("tegrastats_jetpack6.txt")
THOR = text_of("tegrastats_jetpack7.txt")


def test_jetpack_4_gives_milliwatts_without_a_unit() -> None:
    line = tegrastats.parse(NANO)
    assert line.power_w == {"POM_5V_IN": 3.0, "POM_5V_GPU": 0.15, "POM_5V_CPU": 0.8}
    assert line.cpu_load == (0.5, 0.0, 1.0, None)
    assert line.temperature_c["CPU"] == 32.5
    assert "PMIC" not in line.temperature_c


def test_xavier_uses_cpu_for_a_load_a_temperature_and_a_rail() -> None:
    line = tegrastats.parse(XAVIER)
    assert (line.cpu_load[0], line.temperature_c["CPU"], line.power_w["CPU"]) == (0.1, 31.5, 0.62)
    assert line.power_w == {"GPU": 0.46, "CPU": 0.62, "SOC": 2.9, "CV": 0.0, "VDDRQ": 0.31, "SYS5V": 3.3}


def test_early_jetpack_5_has_capital_zones() -> None:
    line = tegrastats.parse(EARLY_5)
    assert line.power_w == {"VDD_IN": 4.9, "VDD_CPU_GPU_CV": 0.45, "VDD_SOC": 1.4}
    assert (line.temperature_c["CPU"], line.temperature_c["tj"]) == (44.0, 47.0)


def test_jetpack_6_and_a_rail_that_is_not_connected() -> None:
    assert tegrastats.parse(ORIN).power_w == {"VDD_IN": 3.0, "VDD_CPU_GPU_CV": 0.5, "VDD_SOC": 1.0}


def test_jetpack_7_gives_now_first_and_the_peak_last() -> None:
    line = tegrastats.parse(THOR)
    assert line.power_w == {"VDD_GPU": 3.5, "VDD_CPU_SOC_MSS": 7.9, "VIN_SYS_5V0": 7.6, "VIN": 26.0}
    assert (line.temperature_c["cpu"], line.temperature_c["gpu"]) == (39.75, 39.875)


@pytest.mark.parametrize("line", [NANO, XAVIER, EARLY_5, ORIN, THOR], ids=["nano", "xavier", "5", "6", "7"])
def test_every_cut_of_a_line_is_refused(line: str) -> None:
    for end in range(len(line)):
        with pytest.raises(ValueError):
            tegrastats.parse(line[:end])


@pytest.mark.parametrize(
    "mutated",
    [
        ORIN.replace("VDD_IN 3000mW", "VDD_IN 3000000mW"),
        ORIN.replace("VDD_IN 3000mW", "VDD_IN -3000mW"),
        ORIN.replace("[1%@729", "[x%@729"),
        ORIN.replace("VDD_SOC 1000mW", "VDD_IN 1000mW"),
        "sudo: tegrastats: command not found\n",
        "",
    ],
    ids=["uW", "sign", "load", "twice", "another tool", "empty"],
)
def test_a_mutated_line_is_refused(mutated: str) -> None:
    with pytest.raises(ValueError):
        tegrastats.parse(mutated)


@pytest.mark.parametrize("unit", ["uW", "W", ""])
def test_a_rail_with_another_unit_is_no_rail(unit: str) -> None:
    assert "VDD_IN" not in tegrastats.parse(ORIN.replace("VDD_IN 3000mW/2957mW", f"VDD_IN 3000{unit}/2957mW")).power_w


@on_real_outputs("jetson_*_tegrastats.txt")
def test_real_outputs(name: str) -> None:
    for text in sample_of(name).splitlines(keepends=True):
        line = tegrastats.parse(text)
        assert line.cpu_load
        assert 20 < max(line.temperature_c.values()) < 60
        assert "PMIC" not in line.temperature_c
        assert 2.0 < sum(line.power_w.values()) < 20.0


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tegrastats of ours on the PATH."""
    path = folder / "tegrastats"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_meter_streams_and_ends_its_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticking = f"echo $$ > {tmp_path}/pid\nwhile :; do cat {tmp_path}/line; sleep 0.02; done\n"
    (tmp_path / "line").write_text(ORIN)
    stand_in(tmp_path, ticking, monkeypatch)
    meter = tegrastats.find("/")
    assert next((c.name, c.scope) for c in meter.channels) == ("tegrastats.VDD_IN", "board")
    assert meter.read()["tegrastats.VDD_IN"] == 3.0
    (tmp_path / "line").write_text(ORIN.replace("VDD_IN 3000mW", "VDD_IN 4000mW"))
    give_up_s = time.monotonic() + 10
    while meter.read()["tegrastats.VDD_IN"] != 4.0 and time.monotonic() < give_up_s:
        pass
    assert meter.read()["tegrastats.VDD_IN"] == 4.0
    meter.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_tool_that_hangs_or_ends_has_no_reading(tmp_path: Path) -> None:
    (tmp_path / "line").write_text(ORIN)
    hanging = Lines(["sh", "-c", f"cat {tmp_path}/line; exec sleep 100"])
    assert hanging.newest(10.0) == ORIN
    with pytest.raises(OSError, match=r"no line within 0\.1 s"):
        hanging.newest(0.1)
    hanging.close()
    ended = Lines(["sh", "-c", f"cat {tmp_path}/line; exit 3"])
    assert ended.newest(10.0) == ORIN
    with pytest.raises(OSError, match="ended with exit code 3"):
        ended.newest(10.0)
    ended.close()


def test_a_board_without_rails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = ORIN[: ORIN.index(" VDD_IN")] + "\n"
    (tmp_path / "line").write_text(without)
    stand_in(tmp_path, f"cat {tmp_path}/line\nexec sleep 100\n", monkeypatch)
    with pytest.raises(Absent, match="no rails on this board"):
        tegrastats.find("/")


def test_the_tool_dies_with_its_reader_however_that_one_ends(tmp_path: Path) -> None:
    code = f"""import time; from agents.power.lines import Lines
lines = Lines(["sh", "-c", "echo $$ > {tmp_path}/pid; echo ready; exec sleep 1000"])
print(lines.newest(30.0), flush=True); time.sleep(1000)"""
    reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=REPOSITORY)
    assert reader.stdout is not None
    assert reader.stdout.readline() == b"ready\n"
    reader.kill()
    reader.communicate()
    pid = int((tmp_path / "pid").read_text())
    give_up_s = time.monotonic() + 30
    while _lives(pid) and time.monotonic() < give_up_s:
        time.sleep(0.01)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    """A zombie that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
