"""What the maker calls this device, and whether it is a real one."""

import os
import platform
import re
from typing import Mapping, Optional, Tuple

from agents import sysfs
from agents.probe import android
from agents.probe.cpu import parse_cpuinfo, part_of
from agents.probe.raspberry import decode, parse_cpuinfo_revision

_VIRTUAL_PRODUCTS = ("kvm", "qemu", "virtualbox", "vmware", "virtual machine", "standard pc", "bochs", "dummy-virt")
_CONTAINER_WORDS = ("docker", "lxc", "kubepods", "containerd", "libpod")
# What the test lab (orchestrator.measure.standin) leaves in each of its devices.
_STAND_IN = "etc/earshot-standin"
# What DMI says where a maker left the field alone.
_NO_NAME = ("", "to be filled by o.e.m.", "system product name", "default string", "not specified", "none")

_CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
# All that is read here, for those who bring these files from a device that has no Python.
READS = (
    *(f"{base}/{name}" for base in sysfs.DEVICE_TREE for name in ("model", "compatible")),
    "etc/os-release",
    "sys/class/dmi/id/sys_vendor",
    "sys/class/dmi/id/product_name",
    "sys/hypervisor/type",
    "proc/sys/kernel/arch",
    "proc/1/cgroup",
    _STAND_IN,
    *_CONTAINER_MARKS,
)


def model(root: str, properties: Mapping[str, str], cpuinfo: str) -> str:
    """getprop on Android, else the device tree, a Pi's own lines in cpuinfo, DMI, the CPU's name: never empty."""
    names = (android.model(properties), sysfs.device_tree(root, "model"), _pi_model(cpuinfo), _dmi(root))
    for name in names:
        if name:
            return name
    blocks = parse_cpuinfo(cpuinfo)
    return part_of(blocks[0]) if blocks else (platform.processor() or platform.machine())


def _pi_model(cpuinfo: str) -> Optional[str]:
    # A container hides the device tree, but not cpuinfo.
    line = re.search(r"^Model\s*:\s*(Raspberry Pi .*)$", cpuinfo, re.MULTILINE)
    if line:
        return line.group(1).strip()
    code = parse_cpuinfo_revision(cpuinfo)
    decoded = decode(code) if code else None
    return decoded.model if decoded else None


def manufacturer(root: str, properties: Mapping[str, str]) -> Optional[str]:
    """getprop's, DMI's, or the first word of the device tree's compatible; None where nothing says."""
    named = android.manufacturer(properties) or _named(sysfs.read_text(root, "sys/class/dmi/id/sys_vendor"))
    boards = compatible(root)
    return named or (boards[0].split(",")[0] if boards else None)


def soc(root: str, properties: Mapping[str, str], cpuinfo: str) -> Optional[str]:
    """The chip: Android's properties, the device tree, cpuinfo (its lines after the cores first); else None."""
    found = android.soc(properties) or _soc_of(compatible(root))
    if found:
        return found
    # Old Pi kernels write Hardware: BCM2835 on every model; the revision code is right.
    code = parse_cpuinfo_revision(cpuinfo)
    decoded = decode(code) if code else None
    if decoded:
        return decoded.processor
    hardware = re.search(r"^Hardware\s*:\s*(\S.*)$", cpuinfo, re.MULTILINE)
    blocks = parse_cpuinfo(cpuinfo)
    return hardware.group(1).strip() if hardware else (blocks[0].get("model name") if blocks else None)


def _soc_of(names: Tuple[str, ...]) -> Optional[str]:
    # NVIDIA's own kernels end the list with a family, such as nvidia,tegra23x.
    exact = [name for name in names if not re.search(r"\dx$", name)]
    return exact[-1] if exact else None


def compatible(root: str) -> Tuple[str, ...]:
    """The device tree's names of this board, the most specific first; empty where there is no device tree.

    For example ``nvidia,p3768-0000+p3767-0005``, ``nvidia,p3767-0005``, ``nvidia,tegra234``.
    """
    text = sysfs.device_tree(root, "compatible")
    return tuple(name for name in (text or "").split("\0") if name)


def os_name(root: str, properties: Mapping[str, str]) -> str:
    """For example ``Debian GNU/Linux 12 (bookworm)`` or ``Android 14``."""
    if "ro.build.version.release" in properties:
        return f"Android {properties['ro.build.version.release']}"
    for line in (sysfs.read_text(root, "etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return platform.system()


def context(environment: Mapping[str, str] = os.environ) -> str:
    """How the agent was reached: termux, ssh, adb-shell or local."""
    if "TERMUX_VERSION" in environment:
        return "termux"
    if "SSH_CONNECTION" in environment:
        return "ssh"
    return "adb-shell" if "ANDROID_ROOT" in environment else "local"


def virtual(root: str, cpuinfo: str, machine: str) -> Optional[str]:
    """What stands between us and the hardware (qemu-user, a hypervisor, a container); None where nothing shows.

    A stand-in of Earshot's test lab says that it is one: it shows another device's facts.
    """
    signs = [_stand_in(root), _qemu_user(root, cpuinfo, machine), _hypervisor(root, cpuinfo), _container(root)]
    return ", ".join(sign for sign in signs if sign) or None


def _stand_in(root: str) -> Optional[str]:
    kind = sysfs.read_text(root, _STAND_IN)
    return None if kind is None else f"stand-in: {kind}"


def _qemu_user(root: str, cpuinfo: str, machine: str) -> Optional[str]:
    # qemu-user answers uname and its own /proc/self, but not the kernel's own name for itself (Linux 6.1).
    kernel = sysfs.read_text(root, "proc/sys/kernel/arch")
    if kernel and kernel != machine and not {kernel, machine} <= {"aarch64", "armv7l", "armv8l"}:
        return f"qemu-user: {machine} on a {kernel} kernel"
    if machine.startswith(("aarch64", "arm")) and re.search(r"^vendor_id\s*:", cpuinfo, re.MULTILINE):
        return f"qemu-user: {machine} on an x86 kernel"
    return None


def _hypervisor(root: str, cpuinfo: str) -> Optional[str]:
    kind = sysfs.read_text(root, "sys/hypervisor/type")
    if kind:
        return f"hypervisor: {kind}"
    name = f"{sysfs.read_text(root, 'sys/class/dmi/id/sys_vendor') or ''} {_dmi(root) or ''}".strip()
    for text in (name, sysfs.device_tree(root, "compatible") or ""):
        if any(word in text.lower() for word in _VIRTUAL_PRODUCTS):
            return f"hypervisor: {text.split(chr(0))[0]}"
    if any("hypervisor" in fields.get("flags", "").split() for fields in parse_cpuinfo(cpuinfo)[:1]):
        return "hypervisor: cpu flag"
    return None


def _container(root: str) -> Optional[str]:
    for mark in _CONTAINER_MARKS:
        if os.path.exists(os.path.join(root, mark)):
            return f"container: /{mark}"
    cgroup = sysfs.read_text(root, "proc/1/cgroup") or ""
    for word in _CONTAINER_WORDS:
        if word in cgroup:
            return f"container: {word}"
    return None


def _dmi(root: str) -> Optional[str]:
    return _named(sysfs.read_text(root, "sys/class/dmi/id/product_name"))


def _named(name: Optional[str]) -> Optional[str]:
    return name if name and name.lower() not in _NO_NAME else None
