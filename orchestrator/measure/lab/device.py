"""The nouns of a lab: a device and how to reach it, and all of them together."""

from dataclasses import dataclass, field
from pathlib import Path

LOCAL = "local"
TRANSPORTS = ("local", "ssh")


@dataclass(frozen=True)
class Device:
    """A device of the lab. None leaves a setting to ``~/.ssh/config`` and then to OpenSSH's default.

    ``jump`` is written as ProxyJump is; where it names a device of the lab, ``via`` is that device.
    ``root`` is the agent's folder there, relative to the home; ``python`` the only Python to try.
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
    python: str | None = None
    root: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """All devices by name; ``local`` is always among them. ``path`` is None where there is no lab file."""

    devices: dict[str, Device] = field(default_factory=dict)
    path: Path | None = None

    def __post_init__(self) -> None:
        self.devices.setdefault(LOCAL, Device(LOCAL, LOCAL))
