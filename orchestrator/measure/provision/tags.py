"""Which wheels fit a device's Python: platform compatibility tags, as pip takes them (packaging.python.org)."""

import re
from dataclasses import dataclass

from agents.environments.nouns import PythonFacts
from orchestrator.errors import DeviceNotReady

# The oldest glibc 2.x that a manylinux tag exists for (PEP 513, 599), and the tags that came before PEP 600.
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
_OLDEST_GLIBC_ELSEWHERE = 17
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_NARROW = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}


@dataclass(frozen=True)
class WheelTags:
    """``python`` such as 3.9, ``abi`` such as cp39, ``platforms`` the best first."""

    python: str
    abi: str
    platforms: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.abi}-{self.platforms[0]}"

    def pip_options(self) -> list[str]:
        """What makes pip resolve for this Python instead of its own."""
        options = ["--only-binary=:all:", "--python-version", self.python, "--implementation", "cp", "--abi", self.abi]
        return [*options, *[part for platform in self.platforms for part in ("--platform", platform)]]


def wheel_tags(device: str, facts: PythonFacts) -> WheelTags:
    """Raises DeviceNotReady for a Python that no binary wheel is made for."""
    if facts.system == "android":
        raise DeviceNotReady(
            f"the Python {facts.base} on {device} is Android's: no wheels of numpy and of the runtimes are made for it",
            hint=f"use Debian's Python in Termux: earshot devices setup {device} --dry-run shows how",
        )
    abi = re.match(r"cpython-(\d+[a-z]*)", facts.soabi or "")
    if facts.implementation != "cpython" or abi is None:
        raise DeviceNotReady(
            f"the Python {facts.base} on {device} is {facts.implementation} {facts.soabi}: wheels are for CPython",
            hint="set python in lab.toml to a CPython there",
        )
    python = ".".join(map(str, facts.version[:2]))
    return WheelTags(python, f"cp{abi[1]}", _platforms(device, facts))


def _platforms(device: str, facts: PythonFacts) -> tuple[str, ...]:
    machine = _NARROW.get(facts.machine, facts.machine) if facts.pointer_bits == 32 else facts.machine
    if facts.libc == "glibc" and facts.libc_version[0] == 2:
        return (*_manylinux(facts.libc_version[1], machine), f"linux_{machine}")
    if facts.libc == "musl":
        major, minor = facts.libc_version
        return (*(f"musllinux_{major}_{n}_{machine}" for n in range(minor, 0, -1)), f"linux_{machine}")
    version = ".".join(map(str, facts.libc_version))
    raise DeviceNotReady(
        f"no wheels are made for the C library of {device}: {facts.libc} {version}",
        hint="set python in lab.toml to a Python there that has numpy and a runtime",
    )


def _manylinux(glibc_minor: int, machine: str) -> list[str]:
    oldest = _OLDEST_GLIBC.get(machine, _OLDEST_GLIBC_ELSEWHERE)
    tags = []
    for minor in range(glibc_minor, oldest - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in _LEGACY:
            tags.append(f"{_LEGACY[minor]}_{machine}")
    return tags
