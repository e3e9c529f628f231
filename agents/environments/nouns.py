"""What controller and device tell each other about Python environments."""

import re
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from agents.wire import Blob

# An environment's name becomes a folder's name, and part of a session's record.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_WHEEL = re.compile(r"[\w.]+-[\w.+!]+(-[\w.]+){3,4}\.whl")


@dataclass(frozen=True)
class PythonFacts:
    """What decides which wheels fit a device's Python.

    ``base``: the program that an environment builds on. ``wrapper``: how the lab file names this Python where that is
    not the very program but something that sets up what it needs (Debian's inside Termux); else empty. ``libc``:
    glibc, musl or unknown. ``markers``: the values of environment markers (PEP 508).
    """

    base: str
    version: Tuple[int, ...]
    implementation: str
    soabi: Optional[str]
    machine: str
    pointer_bits: int
    system: str
    termux: bool
    libc: str
    libc_version: Tuple[int, ...]
    wrapper: str
    markers: Dict[str, str]

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Wheel:
    """A wheel in the device's store, and the file name that says what it is (PEP 427)."""

    blob: Blob
    file: str

    def __post_init__(self) -> None:
        if not _WHEEL.fullmatch(self.file):
            raise ValueError(f"not the name of a wheel: {self.file!r}")

    @property
    def name(self) -> str:
        """The distribution, as the wheel spells it."""
        return self.file.split("-")[0]

    @property
    def version(self) -> str:
        return self.file.split("-")[1]


@dataclass(frozen=True)
class EnvironmentRequest:
    """``id`` says what it is made of: the same id is the same environment. ``packages`` as the lab file has them;
    the modules of the distributions ``imports`` must import.
    """

    name: str
    id: str
    packages: Tuple[str, ...]
    imports: Tuple[str, ...]
    wheels: Tuple[Wheel, ...]
    wrapper: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name.endswith(".part"):
            raise ValueError(f"name must match {NAME.pattern}, got {self.name!r}")
        if not re.fullmatch(r"[0-9a-f]{12}", self.id):
            raise ValueError(f"id must be 12 hex digits, got {self.id!r}")


@dataclass(frozen=True)
class MadeEnvironment:
    """An environment that is there. ``starts``: its Python has not gone. ``python``: its version."""

    name: str
    id: str
    packages: Tuple[str, ...]
    distributions: Dict[str, str]
    imported: Tuple[str, ...]
    base: str
    python: str
    wrapper: str
    starts: bool


@dataclass(frozen=True)
class EnvironmentsAnswer:
    """What ``agent environments`` prints."""

    python: PythonFacts
    environments: Dict[str, MadeEnvironment]


def normalized(name: str) -> str:
    """A distribution's name as all spellings of it agree (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
