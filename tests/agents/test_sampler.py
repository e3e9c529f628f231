"""The sampler as a process beside another one: jittered, gaps kept, absent named."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents import power, recording, sampler
from tests.agents.device import REPOSITORY
from tests.agents.test_sensors import CPUFREQ, PROC, ZONES
from tests.agents.tree import lay


def sample_for(path: Path, seconds: float, hz: float, seed: int = 0) -> sampler.Samples:
    """Run the real sampler on this machine for a while."""
    read, write = os.pipe()
    code = "import sys; from agents.sampler import main\n_, path, pid, hz, seed, stop = sys.argv\n"
    code += "main(path, int(pid), float(hz), int(seed), int(stop))"
    argv = [sys.executable, "-c", code, str(path), str(os.getpid()), str(hz), str(seed), str(read)]
    process = subprocess.Popen(argv, pass_fds=[read], cwd=REPOSITORY)
    os.close(read)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.close(write)
        assert process.wait(timeout=30) == 0
    return sampler.read_samples(str(path))


def test_it_samples_until_told_and_counts_its_own_cost(tmp_path: Path) -> None:
    samples = sample_for(tmp_path / "samples.bin", 1.5, 100.0)
    times = np.array(samples.series["sample_t_ns"])
    assert len(times) >= 3
    assert (np.diff(times) > 0).all()
    assert len(samples.series["sample_rss_bytes"]) == len(times)
    assert samples.cpu_share is not None
    assert 0 < samples.cpu_share < 1
    assert samples.rss_bytes is not None
    assert samples.rss_bytes > 1 << 20


def test_intervals_are_jittered_and_seeded() -> None:
    def intervals(seed: int) -> list[float]:
        import random

        stream = random.Random(seed)
        return [stream.uniform(sampler._SHORTEST, sampler._LONGEST) for _ in range(1000)]

    assert intervals(1) == intervals(1) != intervals(2)
    # Half to one and a half periods: no chunk period can stay in step with them.
    assert np.std(intervals(1)) > 0.25
    assert 0.5 <= min(intervals(1)) < 0.6
    assert 1.4 < max(intervals(1)) <= 1.5


def write_records(path: Path, root: str, sweeps: list[dict[str, str]], end: bool = True) -> None:
    """Drive the sampler's own reading and writing over a tree whose files change between the sweeps."""
    meters, no_meters = power.find_meters(root)
    groups, absent = sampler.find_groups(root, os.getpid(), meters)
    absent.update(no_meters)
    with path.open("wb") as file:
        sampler.write_header(file, groups, absent)
        for changes in sweeps:
            lay(Path(root), changes)
            for number, group in enumerate(groups):
                sampler.Writer(file).sweep(number, group)
        if end:
            file.write(sampler._RECORD.pack(sampler._END, 0) + b'{"cpu_share": 0.01, "rss_bytes": 9000000}\n')


def test_a_gap_stays_a_gap(tmp_path: Path) -> None:
    zone = "sys/class/thermal/thermal_zone0/temp"
    root = lay(tmp_path / "root", {**ZONES, **CPUFREQ, **PROC})
    write_records(tmp_path / "samples.bin", root, [{zone: "40000\n"}, {zone: "\n"}, {zone: "42000\n"}])
    samples = sampler.read_samples(str(tmp_path / "samples.bin"))
    values = samples.series["sample_temperature_c__cpu-thermal"]
    assert (values[0], values[2]) == (40.0, 42.0)
    assert math.isnan(values[1])
    assert samples.series["sample_frequency_hz__policy4"] == [2.4e9] * 3
    assert samples.series["sample_memory_available_bytes"] == [6_000_000 * 1024] * 3


def test_a_sensor_that_never_answers_has_no_array(tmp_path: Path) -> None:
    root = lay(tmp_path / "root", {**ZONES, **PROC})
    write_records(tmp_path / "samples.bin", root, [{}, {}])
    arrays, absent, samples = recording.sampled_arrays(str(tmp_path / "samples.bin"), 10.0)
    # The process of another /proc does not exist in this tree.
    assert "sample_rss_bytes" not in arrays
    assert absent["rss_bytes"] == "gave no reading during the session"
    assert "frequency_hz" in absent
    assert not [name for name in arrays if "PMIC" in name]
    assert arrays["sample_t_ns"].dtype == np.int64
    assert arrays["sample_temperature_c__k10temp.Tctl"].dtype == np.float64
    assert samples is not None
    assert (samples.cpu_share, samples.rss_bytes) == (0.01, 9_000_000)


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_sampler_that_was_killed_gives_what_is_whole(tmp_path: Path, cut: int) -> None:
    root = lay(tmp_path / "root", {**ZONES, **PROC})
    path = tmp_path / "samples.bin"
    write_records(path, root, [{}, {}, {}], end=False)
    path.write_bytes(path.read_bytes()[:-cut])
    samples = sampler.read_samples(str(path))
    assert len(samples.series["sample_t_ns"]) == 2
    assert len(samples.series["sample_temperature_c__cpu-thermal"]) == 2
    assert samples.cpu_share is None


def test_power_has_its_own_times(tmp_path: Path) -> None:
    from tests.agents.power.trees import CHIP, RAPL

    root = lay(tmp_path / "root", {**PROC, **CHIP, **RAPL})
    energy = "sys/class/powercap/intel-rapl:0/energy_uj"
    write_records(tmp_path / "samples.bin", root, [{}, {energy: "950000\n"}, {energy: "50000\n"}])
    series = sampler.read_samples(str(tmp_path / "samples.bin")).series
    assert series["sample_power_w__ina3221.VDD_IN"] == [7.5] * 3
    assert series["sample_energy_j__rapl.0.package-0"] == pytest.approx([0.0, 0.05, 0.15])
    assert len(series["sample_t_ns__ina3221"]) == len(series["sample_t_ns__rapl"]) == 3


@pytest.mark.parametrize("path", [None, "nowhere"])
def test_a_sampler_without_answer_is_named(tmp_path: Path, path: str | None) -> None:
    arrays, absent, samples = recording.sampled_arrays(path and str(tmp_path / path), 10.0)
    assert (arrays, samples) == ({}, None)
    assert "no answer" in absent["sampler"]


def test_a_tool_that_hangs_holds_up_nobody_and_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in vcgencmd that answers once and then hangs."""
    answers = 'case "$1" in measure_temp) echo "temp=51.0\'C";; measure_clock) echo "frequency(0)=1500000000";; esac'
    hang = f"[ -e {tmp_path}/asked ] && {{ echo $$ > {tmp_path}/pid; exec sleep 1000; }}"
    once = f'[ "$1" = measure_clock ] && touch {tmp_path}/asked'
    (tmp_path / "vcgencmd").write_text(f"#!/bin/sh\n{hang}\n{once}\n{answers}\n")
    (tmp_path / "vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    samples = sample_for(tmp_path / "samples.bin", 1.5, 100.0)
    assert len(samples.series["sample_t_ns"]) >= 3
    assert samples.absent["temperature_c.vcgencmd.temp"] == "gave no reading during the session"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
