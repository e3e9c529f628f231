"""What a device is called, and what stands between us and its hardware."""

from pathlib import Path

import pytest

from agents.probe import machine
from agents.probe.android import parse_getprop
from tests.agents.probe.test_cpu import BIG_LITTLE, X86
from tests.agents.tree import lay

TREE = "sys/firmware/devicetree/base"
# getprop's own format.
GETPROP = (
    "[ro.product.model]: [Some Phone 5G]\n[ro.soc.manufacturer]: [QTI]\n"
    "[ro.soc.model]: [SM0000]\n[ro.build.version.release]: [14]\n"
)


def test_a_board_has_its_device_trees_name(tmp_path: Path) -> None:
    root = lay(tmp_path, {f"{TREE}/model": "Some Board Rev 1.1\0", f"{TREE}/compatible": "maker,board\0maker,chip9\0"})
    assert machine.model(root, {}, BIG_LITTLE) == "Some Board Rev 1.1"
    assert machine.soc(root, {}, BIG_LITTLE) == "maker,chip9"
    assert machine.virtual(root, BIG_LITTLE, "aarch64") is None
    assert machine.compatible(root) == ("maker,board", "maker,chip9")
    assert machine.manufacturer(root, {}) == "maker"


def test_a_family_of_chips_is_no_chip(tmp_path: Path) -> None:
    # As L4T ends the list on Orin, after the exact name.
    names = ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234", "nvidia,tegra23x")
    root = lay(tmp_path, {f"{TREE}/compatible": "\0".join(names) + "\0"})
    assert machine.soc(root, {}, BIG_LITTLE) == "nvidia,tegra234"
    assert machine.compatible(root) == names


def test_a_phone_whose_device_tree_can_be_read_keeps_the_name_that_its_maker_sells(tmp_path: Path) -> None:
    root = lay(tmp_path, {f"{TREE}/model": "Qualcomm Technologies, Inc. Some MTP\0"})
    assert machine.model(root, parse_getprop(GETPROP), BIG_LITTLE) == "Some Phone 5G"


def test_a_pi_in_a_container_is_told_by_its_cpuinfo(tmp_path: Path) -> None:
    below = "Hardware\t: BCM2835\nRevision\t: c03114\nSerial\t\t: 0\n"
    assert machine.model(str(tmp_path), {}, BIG_LITTLE + below) == "Raspberry Pi 4 Model B Rev 1.4"
    assert machine.soc(str(tmp_path), {}, BIG_LITTLE.replace("Hardware", "Was") + below) == "BCM2711"
    line = "Model\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
    assert machine.model(str(tmp_path), {}, BIG_LITTLE + line) == "Raspberry Pi 4 Model B Rev 1.4"


def test_a_phone_has_its_getprop_name(tmp_path: Path) -> None:
    properties = parse_getprop(GETPROP)
    assert machine.model(str(tmp_path), properties, BIG_LITTLE) == "Some Phone 5G"
    assert machine.soc(str(tmp_path), properties, BIG_LITTLE) == "QTI SM0000"
    assert machine.os_name(str(tmp_path), properties) == "Android 14"


def test_a_laptop_has_its_dmi_name_unless_the_maker_left_it_alone(tmp_path: Path) -> None:
    name = "sys/class/dmi/id/product_name"
    assert machine.model(lay(tmp_path, {name: "Some Laptop 14\n"}), {}, X86) == "Some Laptop 14"
    assert machine.model(lay(tmp_path, {name: "To Be Filled By O.E.M.\n"}), {}, X86) == "Some CPU @ 2.00GHz"
    assert machine.soc(str(tmp_path), {}, X86) == "Some CPU @ 2.00GHz"


def test_os_release(tmp_path: Path) -> None:
    root = lay(tmp_path, {"etc/os-release": 'NAME="Some"\nPRETTY_NAME="Some Linux 12 (x)"\n'})
    assert machine.os_name(root, {}) == "Some Linux 12 (x)"


@pytest.mark.parametrize(
    ("files", "cpuinfo", "architecture", "sign"),
    [
        ({"proc/sys/kernel/arch": "x86_64\n"}, BIG_LITTLE, "aarch64", "qemu-user: aarch64 on a x86_64 kernel"),
        ({}, X86, "aarch64", "qemu-user: aarch64 on an x86 kernel"),
        (
            {"sys/class/dmi/id/sys_vendor": "QEMU\n", "sys/class/dmi/id/product_name": "Standard PC\n"},
            "",
            "x86_64",
            "QEMU Standard PC",
        ),
        ({f"{TREE}/compatible": "linux,dummy-virt\0"}, BIG_LITTLE, "aarch64", "hypervisor: linux,dummy-virt"),
        ({"sys/hypervisor/type": "xen\n"}, "", "x86_64", "hypervisor: xen"),
        ({}, X86, "x86_64", "hypervisor: cpu flag"),
        ({".dockerenv": ""}, "", "x86_64", "container: /.dockerenv"),
        ({"proc/1/cgroup": "0::/lxc/payload\n"}, "", "x86_64", "container: lxc"),
        ({"etc/earshot-standin": "Raspberry Pi 5\n"}, BIG_LITTLE, "x86_64", "stand-in: Raspberry Pi 5"),
    ],
)
def test_what_is_no_real_device_says_so(
    tmp_path: Path, files: dict[str, str], cpuinfo: str, architecture: str, sign: str
) -> None:
    assert sign in (machine.virtual(lay(tmp_path, files), cpuinfo, architecture) or "")


def test_a_32_bit_system_on_a_64_bit_kernel_is_no_emulator(tmp_path: Path) -> None:
    assert machine.virtual(lay(tmp_path, {"proc/sys/kernel/arch": "aarch64\n"}), BIG_LITTLE, "armv7l") is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "local"),
        ({"SSH_CONNECTION": "1 2 3 4"}, "ssh"),
        ({"ANDROID_ROOT": "/system"}, "adb-shell"),
        ({"ANDROID_ROOT": "/system", "TERMUX_VERSION": "0.1", "SSH_CONNECTION": "1 2 3 4"}, "termux"),
    ],
)
def test_context(environment: dict[str, str], expected: str) -> None:
    assert machine.context(environment) == expected
