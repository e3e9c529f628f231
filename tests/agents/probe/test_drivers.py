"""Versions of drivers from trees of our own. Formats: /sys/module/NAME/version, NVIDIA's README, L4T's release file."""

from pathlib import Path

from agents.probe.drivers import drivers
from tests.agents.tree import lay

NVRM = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC version: x\n"
L4T = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 2025\n"


def test_modules_with_a_version_of_their_own(tmp_path: Path) -> None:
    files = {"sys/module/nvidia/version": "550.54.14\n", "sys/module/hailo_pci/version": "4.20.0\n"}
    assert drivers(lay(tmp_path, {**files, "sys/module/ext4/version": "1\n"})) == {
        "nvidia": "550.54.14",
        "hailo_pci": "4.20.0",
    }


def test_nvidias_own_line_and_a_jetsons_release(tmp_path: Path) -> None:
    root = lay(tmp_path, {"proc/driver/nvidia/version": NVRM, "etc/nv_tegra_release": L4T})
    assert drivers(root) == {"nvidia": "550.54.14", "L4T": "R36.4.3"}


def test_none_is_none(tmp_path: Path) -> None:
    assert drivers(lay(tmp_path, {"proc/driver/nvidia/version": "?\n", "etc/nv_tegra_release": "\n"})) == {}
