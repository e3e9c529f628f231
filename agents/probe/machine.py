"""What the maker calls this device, and whether it is a real one."""

import os
import platform
import re
import shutil
import subprocess
from typing import Dict, Mapping, Optional

from agents import sysfs
from agents.probe.cpu import parse_cpuinfo, part_of

# Where the kernel shows the device tree; the first one can be laid over in a container, the second cannot.
_DEVICE_TREE = ("sys/firmware/devicetree/base", "proc/device-tree")
_VIRTUAL_PRODUCTS = ("kvm", "qemu", "virtualbox", "vmware", "virtual machine", "standard pc", "bochs", "dummy-virt")
_CONTAINER_WORDS = ("docker", "lxc", "kubepods", "containerd", "libpod")
# What DMI says where a maker left the field alone.
_NO_NAME = ("", "to be filled by o.e.m.", "system product name", "default string", "not specified", "none")


def parse_getprop(text: str) -> Dict[str, str]:
    """``[ro.product.model]: [moto g75 5G]`` lines as a dict."""
    return dict(re.findall(r"^\[([^\]]+)\]: \[(.*)\]$", text, re.MULTILINE))


def android_properties() -> Dict[str, str]:
    """getprop's answer; empty where this is not Android."""
    if shutil.which("getprop") is None:
        return {}
    try:
        answer = subprocess.run(["getprop"], capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_getprop(answer.stdout)


def model(root: str, properties: Mapping[str, str], cpuinfo: str) -> str:
    """Device tree, else getprop, else DMI, else the CPU's name: never empty."""
    for name in (_device_tree(root, "model"), properties.get("ro.product.model"), _dmi(root)):
        if name:
            return name
    blocks = parse_cpuinfo(cpuinfo)
    return part_of(blocks[0]) if blocks else (platform.processor() or platform.machine())


def soc(root: str, properties: Mapping[str, str], cpuinfo: str) -> Optional[str]:
    """The chip: getprop's ro.soc.*, the most specific device tree compatible, the x86 model name; else None."""
    if "ro.soc.model" in properties:
        return f"{properties.get('ro.soc.manufacturer', '')} {properties['ro.soc.model']}".strip()
    compatible = _device_tree(root, "compatible")
    if compatible:
        return compatible.split("\0")[-1]
    blocks = parse_cpuinfo(cpuinfo)
    return blocks[0].get("model name") if blocks else None


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
    """What stands between us and the hardware (qemu-user, a hypervisor, a container); None where nothing shows."""
    signs = [_qemu_user(root, cpuinfo, machine), _hypervisor(root, cpuinfo), _container(root)]
    return ", ".join(sign for sign in signs if sign) or None


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
    for text in (name, _device_tree(root, "compatible") or ""):
        if any(word in text.lower() for word in _VIRTUAL_PRODUCTS):
            return f"hypervisor: {text.split(chr(0))[0]}"
    if any("hypervisor" in fields.get("flags", "").split() for fields in parse_cpuinfo(cpuinfo)[:1]):
        return "hypervisor: cpu flag"
    return None


def _container(root: str) -> Optional[str]:
    for mark in (".dockerenv", "run/.containerenv"):
        if os.path.exists(os.path.join(root, mark)):
            return f"container: /{mark}"
    cgroup = sysfs.read_text(root, "proc/1/cgroup") or ""
    for word in _CONTAINER_WORDS:
        if word in cgroup:
            return f"container: {word}"
    return None


def _device_tree(root: str, name: str) -> Optional[str]:
    for base in _DEVICE_TREE:
        text = sysfs.read_text(root, f"{base}/{name}")
        if text:
            return text
    return None


def _dmi(root: str) -> Optional[str]:
    name = sysfs.read_text(root, "sys/class/dmi/id/product_name")
    return name if name and name.lower() not in _NO_NAME else None
