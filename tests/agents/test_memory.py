"""Memory of a phase: how its peak is known, what is left beside it. Promise 15 has a process that allocates."""

from pathlib import Path

import pytest

from agents import wire
from agents.jetson import has_unified_memory
from agents.memory import PhaseMemory, parse_status, snapshot
from tests.agents.tree import lay

STATUS, MEMINFO, TREE = "proc/self/status", "proc/meminfo", "sys/firmware/devicetree/base/compatible"
ORIN = "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"


def status(peak_kb: int, rss_kb: int) -> str:
    return f"Name:\tx\nVmHWM:\t{peak_kb} kB\nVmRSS:\t{rss_kb} kB\nRssAnon:\t{rss_kb - 10} kB\nRssFile:\t10 kB\n"


def phase(root: Path, begin: dict[str, str], end: dict[str, str], **series: list[float]) -> wire.PhaseMemory:
    """One phase from t = 100 to t = 200, with what the sampler read."""
    times = iter([0, 100, 200])
    memory = PhaseMemory(lay(root, begin), lambda: next(times))
    memory.begin()
    lay(root, end)
    memory.end("load")
    memory.sampled(series)
    (found,) = memory.phases
    return found


def test_parse_status() -> None:
    text = "Name:\tpython3\nVmHWM:\t   51200 kB\nVmRSS:\t   40960 kB\nThreads:\t1\nRssAnon:\t   20480 kB\n"
    assert parse_status(text) == {"VmHWM": 51200 << 10, "VmRSS": 40960 << 10, "RssAnon": 20480 << 10}


def test_a_peak_that_was_reset(tmp_path: Path) -> None:
    """The kernel sets VmHWM to VmRSS for this word; here it stands so already."""
    begin = {STATUS: status(300, 300), "proc/self/clear_refs": ""}
    found = phase(tmp_path, begin, {STATUS: status(500, 400)})
    assert (tmp_path / "proc/self/clear_refs").read_text() == "5\n"
    assert found == wire.PhaseMemory("load", 500 << 10, 390 << 10, 10 << 10, wire.HWM_RESET)


def test_a_reset_that_does_nothing_is_not_believed(tmp_path: Path) -> None:
    begin = {STATUS: status(90_000, 300), "proc/self/clear_refs": ""}
    found = phase(tmp_path, begin, {STATUS: status(90_000, 400)})
    assert (found.method, found.peak_bytes, found.at_most_bytes) == (wire.SAMPLED, 400 << 10, 90_000 << 10)


def test_a_peak_that_rose_is_the_phases_own(tmp_path: Path) -> None:
    found = phase(tmp_path, {STATUS: status(500, 300)}, {STATUS: status(900, 300)}, sample_t_ns=[150])
    assert (found.method, found.peak_bytes, found.readings) == (wire.HWM_ROSE, 900 << 10, None)


def test_a_peak_that_is_sampled_is_a_lower_bound(tmp_path: Path) -> None:
    rss = {"sample_t_ns": [99, 120, 150, 180, 201], "sample_rss_bytes": [9e9, 400e3, float("nan"), 600e3, 9e9]}
    found = phase(tmp_path, {STATUS: status(900, 300)}, {STATUS: status(900, 320)}, **rss)
    assert (found.method, found.peak_bytes, found.at_most_bytes) == (wire.SAMPLED, 600_000, 900 << 10)
    assert found.readings == 4, "begin, end and the two that were read between them"


@pytest.mark.parametrize("files", [{}, {STATUS: ""}])
def test_a_kernel_that_says_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    found = phase(tmp_path, files, files)
    assert (found.peak_bytes, found.at_most_bytes, found.readings) == (None, None, 0)


def test_what_a_gpu_takes_shows_in_the_devices_memory(tmp_path: Path) -> None:
    """Jetson: CUDA's memory is in no process's RSS; MemAvailable tells, and is lowest between begin and end."""
    available = {"sample_t_ns": [150], "sample_memory_available_bytes": [500 << 10]}
    begin = {STATUS: status(300, 300), TREE: ORIN, MEMINFO: "MemAvailable: 4000 kB\n"}
    found = phase(tmp_path, begin, {MEMINFO: "MemAvailable: 1000 kB\n"}, **available)
    assert has_unified_memory(str(tmp_path))
    assert found.available_drop_bytes == 3500 << 10


def test_elsewhere_it_is_not_told(tmp_path: Path) -> None:
    pi = "raspberrypi,5-model-b\0brcm,bcm2712\0"
    begin = {STATUS: status(300, 300), TREE: pi, MEMINFO: "MemAvailable: 4000 kB\n"}
    assert phase(tmp_path, begin, {MEMINFO: "MemAvailable: 1000 kB\n"}).available_drop_bytes is None
    assert not has_unified_memory(str(tmp_path))


def test_the_share_of_what_is_shared() -> None:
    here = snapshot(now_ns=lambda: 7)
    assert here is not None
    rss = parse_status(Path("/proc/self/status").read_text())["VmRSS"]
    assert (here.t_ns, here.source) == (7, "/proc/self/smaps_rollup")
    assert 0 < here.pss_bytes <= 1.1 * rss


def test_kernels_before_the_rollup_have_the_parts(tmp_path: Path) -> None:
    area = "7f00-7f10 r--p 00000000 08:01 1 /lib/x\nRss: 40 kB\nPss: {} kB\nSwapPss: 9 kB\n"
    root = lay(tmp_path, {"proc/self/smaps": area.format(12) + area.format(30)})
    assert snapshot(root, lambda: 7) == wire.MemorySnapshot(42 << 10, 7, "/proc/self/smaps")
    assert snapshot(lay(tmp_path / "none", {"x": ""})) is None
