"""The nouns of a lab: a device and how to reach it, and all of them together."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOCAL = "local"
PROFILES_FOLDER = "device_profiles"
TRANSPORTS = ("local", "ssh", "adb")
MOST_COOL_DOWN_S = 3600.0


@dataclass(frozen=True)
class PythonEnvironment:
    """A named Python environment of a device: one that is there (``python``), or one that Earshot makes there from
    ``packages`` (requirements as pip writes them).
    """

    python: str | None = None
    packages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.python is None) == (not self.packages):
            raise ValueError("an environment needs python = ..., or packages = [...], and not both")


@dataclass(frozen=True)
class Hooks:
    """Commands that run on the controller (argv, no shell) to switch a device's power."""

    power_off: tuple[str, ...] = ()
    power_on: tuple[str, ...] = ()
    power_cycle: tuple[str, ...] = ()


@dataclass(frozen=True)
class CoolDown:
    """Between sessions: wait until every temperature is within ``within_c`` of the baseline, but no longer than
    ``at_most_s``.
    """

    within_c: float = 3.0
    at_most_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.within_c <= 50:
            raise ValueError(f"within_c must be in 0..50, got {self.within_c}")
        if not 0 <= self.at_most_s <= MOST_COOL_DOWN_S:
            raise ValueError(f"at_most_s must be in 0..{MOST_COOL_DOWN_S:g}, got {self.at_most_s}")


@dataclass(frozen=True)
class Device:
    """A device of the lab. None leaves a setting to ``~/.ssh/config`` and then to OpenSSH's default.

    ``jump`` is written as ProxyJump is; where it names a device of the lab, ``via`` is that device: an SSH host, or an
    ADB device through whose stream the SSH connection goes. ``serial``, ``adb_key``, ``adb_server`` (host:port of a
    running adb server) and ``run_as`` (an Android package) are for ADB. ``root`` is the agent's folder there, relative
    to the home; ``python`` the only Python to try; ``python_archive``: a file, or ``debian``, that setup installs one
    from. ``profile`` is the kind that the device must turn out to be;
    ``profiles_dir`` holds the lab's own profiles. ``environment``: of ``environments``, the one to use now. ``sudo``:
    ``sudo -n`` may be used there. ``isolate``: steps of isolation for every run (domain/isolation.py).
    ``meter``: a power meter on the controller's side; its ``kind`` and what that takes.
    """

    name: str
    transport: str
    host: str | None = None
    user: str | None = None
    port: int | None = None
    identity_file: Path | None = None
    known_hosts: Path | None = None
    jump: str | None = None
    via: "Device | None" = None
    serial: str | None = None
    adb_key: Path | None = None
    adb_server: str | None = None
    run_as: str | None = None
    python: str | None = None
    python_archive: str | None = None
    root: str | None = None
    profile: str | None = None
    profiles_dir: Path | None = field(default=None, compare=False)
    tags: tuple[str, ...] = ()
    sudo: bool = False
    isolate: tuple[str, ...] = ()
    environments: dict[str, PythonEnvironment] = field(default_factory=dict)
    environment: str | None = None
    hooks: Hooks = Hooks()
    cool_down: CoolDown = CoolDown()
    meter: dict[str, Any] | None = None


@dataclass(frozen=True)
class Lab:
    """All devices by name; ``local`` is always among them. ``path`` is None where there is no lab file."""

    devices: dict[str, Device] = field(default_factory=dict)
    path: Path | None = None

    def __post_init__(self) -> None:
        self.devices.setdefault(LOCAL, Device(LOCAL, LOCAL, profiles_dir=own_profiles(self.path)))


def own_profiles(lab: Path | None) -> Path | None:
    """Where a lab keeps its own device profiles: beside its file."""
    return None if lab is None else lab.resolve().parent / PROFILES_FOLDER
