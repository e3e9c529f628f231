"""Clusters from /proc/cpuinfo and cpufreq, in the kernel's formats with values of our own."""

from pathlib import Path

import pytest

from agents.device_facts import Core
from agents.probe.core_names import core_name
from agents.probe.cpu import cores, parse_cpuinfo
from tests.agents.tree import lay

# Arm blocks as arch/arm64/kernel/cpuinfo.c prints them; old kernels put a summary line with a capital P first.
BIG_LITTLE = (
    "Processor\t: AArch64 Processor rev 1 (aarch64)\n"
    + "".join(
        f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"
        for n, part in enumerate(["0xd46", "0xd46", "0xd4d", "0xd4e"])
    )
    + "Hardware\t: Some SoC\nSerial\t\t: 0\n"
)
X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: fpu hypervisor\n\n" * 2


def max_freq(khz: dict[int, int]) -> dict[str, str]:
    return {f"sys/devices/system/cpu/cpu{n}/cpufreq/cpuinfo_max_freq": f"{f}\n" for n, f in khz.items()}


def test_clusters_are_numbered_from_the_slowest(tmp_path: Path) -> None:
    root = lay(tmp_path, max_freq({0: 1_800_000, 1: 1_800_000, 2: 2_800_000, 3: 3_200_000}))
    text = BIG_LITTLE.replace("AArch64 Processor rev 1 (aarch64)\n", "AArch64 Processor rev 1 (aarch64)\n\n")
    assert cores(root, text) == (
        Core(0, 0, "0x41/0xd46", 1_800_000_000, "Cortex-A510"),
        Core(1, 0, "0x41/0xd46", 1_800_000_000, "Cortex-A510"),
        Core(2, 1, "0x41/0xd4d", 2_800_000_000, "Cortex-A715"),
        Core(3, 2, "0x41/0xd4e", 3_200_000_000, "Cortex-X3"),
    )


def test_a_summary_line_is_no_core() -> None:
    assert [block["processor"] for block in parse_cpuinfo(BIG_LITTLE)] == ["0", "1", "2", "3"]


def test_equal_parts_at_another_clock_are_another_cluster(tmp_path: Path) -> None:
    text = "".join(f"processor : {n}\nCPU implementer : 0x41\nCPU part : 0xd0b\n\n" for n in range(2))
    found = cores(lay(tmp_path, max_freq({0: 2_600_000, 1: 2_400_000})), text)
    assert [core.cluster for core in found] == [1, 0]


def test_a_core_that_does_more_at_a_lower_clock_is_the_faster_one(tmp_path: Path) -> None:
    text = "".join(f"processor : {n}\nCPU implementer : 0x41\nCPU part : 0xd0{n + 4}\n\n" for n in range(2))
    files = {f"sys/devices/system/cpu/cpu{n}/cpu_capacity": f"{text}\n" for n, text in enumerate(("1024", "485"))}
    found = cores(lay(tmp_path, {**max_freq({0: 1_800_000, 1: 2_000_000}), **files}), text)
    assert [(core.cluster, core.capacity) for core in found] == [(1, 1024), (0, 485)]


def test_x86_without_cpufreq(tmp_path: Path) -> None:
    found = cores(str(tmp_path), X86.replace("0\nvendor", "0\nvendor", 1))
    assert {core.part for core in found} == {"Some CPU @ 2.00GHz"}
    assert {core.max_hz for core in found} == {None}


def test_a_hidden_cpuinfo_leaves_the_cores_that_sysfs_shows(tmp_path: Path) -> None:
    found = cores(lay(tmp_path, {**max_freq({0: 1_000_000, 1: 1_000_000}), "sys/devices/system/cpu/cpuidle/x": ""}), "")
    assert found == (Core(0, 0, "unknown", 10**9), Core(1, 0, "unknown", 10**9))


# Qualcomm's implementer in the little cluster, Arm's in the big one, as phones of 2017 to 2020 mix them.
MIXED = "".join(
    f"processor\t: {n}\nCPU implementer\t: {who}\nCPU part\t: {part}\n\n"
    for n, (who, part) in enumerate([("0x51", "0x801"), ("0x51", "0x801"), ("0x41", "0xd09"), ("0x41", "0xd09")])
)


def test_two_makers_in_one_chip(tmp_path: Path) -> None:
    found = cores(lay(tmp_path, max_freq({0: 1_900_000, 1: 1_900_000, 2: 2_600_000, 3: 2_600_000})), MIXED)
    assert [core.cluster for core in found] == [0, 0, 1, 1]
    assert [core.name for core in found[1:3]] == ["Kryo 2xx Silver", "Cortex-A73"]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("0x41/0xd0b", "Cortex-A76"),
        ("0x4e/0x004", "Carmel"),
        ("0x51/0x001", "Oryon"),
        ("0x41/0xfff", None),
        ("?/0xd0b", None),
        ("AMD EPYC 7R13 Processor", None),
        ("unknown", None),
    ],
)
def test_names_of_cores(part: str, name: str | None) -> None:
    assert core_name(part) == name
