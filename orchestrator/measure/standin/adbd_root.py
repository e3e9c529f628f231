"""The genuine adbd for this machine: Debian's package, unpacked beside its own libraries. Nothing is installed.

Debian's build never asks for a key (its patch adbd-don-t-require-authorization-on-Linux). A phone does, so a copy is
made with that one byte as AOSP has it.
"""

import hashlib
import os
import platform
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.aarch64_root import download, one_builder, unpack

# The first release that has adbd as a package: 34.0.5.
SUITE = "trixie"
PACKAGE = "adbd"
# Python's name of a machine -> Debian's, and its libraries' folder.
_MACHINES = {"x86_64": ("amd64", "x86_64-linux-gnu"), "aarch64": ("arm64", "aarch64-linux-gnu")}
# daemon/main.cpp, adbd_main: lea auth_required; movb $0; lea; call; test. The byte is the operand of movb.
_NO_AUTHORIZATION = re.compile(rb"\x48\x8d\x05....\xc6\x00(\x00)\x48\x8d\x3d....\xe8....\x48\x85\xc0", re.DOTALL)
_RECIPE = 1


@dataclass(frozen=True)
class AdbdRoot:
    """``folder`` holds all of it; the other paths are relative to it. ``asking`` demands keys, None where unknown."""

    folder: Path
    loader: str
    libraries: tuple[str, ...]
    open_to_all: str
    asking: str | None


def fetch_adbd(cache: Path) -> AdbdRoot:
    """Below ``cache``, fetched once and never seen half-built. Raises DeviceNotReady where Debian cannot be reached."""
    architecture, triplet = _machine()
    name = hashlib.sha256(repr((SUITE, PACKAGE, architecture, _RECIPE)).encode()).hexdigest()[:12]
    folder = cache / f"{PACKAGE}-{SUITE}-{architecture}-{name}"
    cache.mkdir(parents=True, exist_ok=True)
    with one_builder(cache / f"{folder.name}.lock"):
        if not folder.exists():
            _build(folder, architecture)
    tools = folder / "usr/lib/android-sdk/platform-tools"
    loader = next((folder / "usr/lib" / triplet).glob("ld-linux-*.so.*"))
    return AdbdRoot(
        folder,
        str(loader.relative_to(folder)),
        (f"usr/lib/{triplet}", f"usr/lib/{triplet}/android"),
        str((tools / "adbd").relative_to(folder)),
        str((tools / "adbd-asking").relative_to(folder)) if (tools / "adbd-asking").exists() else None,
    )


def _machine() -> tuple[str, str]:
    try:
        return _MACHINES[platform.machine()]
    except KeyError as exc:
        raise DeviceNotReady(f"no adbd for a {platform.machine()}", hint="run it on x86_64 or aarch64") from exc


def _build(folder: Path, architecture: str) -> None:
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        unpack(download(part / "apt", SUITE, [PACKAGE], architecture), part / "root")
        adbd = part / "root/usr/lib/android-sdk/platform-tools/adbd"
        if architecture == "amd64":
            asking = adbd.with_name("adbd-asking")
            asking.write_bytes(_with_authorization(adbd.read_bytes()))
            asking.chmod(0o755)
        os.sync()  # On the disk before it gets its name.
        (part / "root").rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _with_authorization(program: bytes) -> bytes:
    places = list(_NO_AUTHORIZATION.finditer(program))
    if len(places) != 1:
        raise DeviceNotReady(
            f"Debian {SUITE}'s adbd has changed: what switches authorization off is there {len(places)} times",
            hint="tell Earshot's maintainers; a stand-in without authorization still works",
        )
    at = places[0].start(1)
    return program[:at] + b"\x01" + program[at + 1 :]
