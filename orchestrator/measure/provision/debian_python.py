"""A relocatable Python made from Debian's packages, for a device of any of Debian's architectures.

It brings its own C library and is started through that one's loader, so the device's may be older or another one.
Wheels with extensions are loaded into the same process and so get the same C library.
"""

import os
import secrets
import shutil
import tarfile
import tempfile
from pathlib import Path

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.aarch64_root import download, one_builder, unpack

# Debian 12: Python 3.11 and glibc 2.36, for kernels since 3.2.
SUITE = "bookworm"
# libstdc++ is what every runtime links to.
PACKAGES = ("python3", "libstdc++6")
_ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "amd64", "armv7l": "armhf", "i686": "i386"}
# Raised when the same packages would be laid out in another way.
_FORMAT = 1
# The loader is told the name by which it was called: by that, Python finds its library, or the environment it is of.
_WRAPPER = """#!/bin/sh
self=$(readlink -f "$0") || exit 127
home=${{self%/bin/*}}
exec "$home/{loader}" --argv0 "$0" --library-path "$home/{libraries}" "$home/libexec/{program}" "$@"
"""


def debian_archive(machine: str) -> Path:
    """The archive, below XDG_CACHE_HOME or ~/.cache; made once. ``machine`` is what ``uname -m`` says.

    Raises DeviceNotReady where this machine's apt has no Debian mirror, or Debian no such architecture.
    """
    architecture = _ARCHITECTURES.get(machine)
    if architecture is None:
        raise DeviceNotReady(f"Debian's Python is not made here for {machine}", hint="give an archive as a file")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "earshot" / "pythons"
    archive = cache / f"debian-{SUITE}-{architecture}-{_FORMAT}.tar.gz"
    cache.mkdir(parents=True, exist_ok=True)
    with one_builder(cache / f"{archive.name}.lock"):
        if not archive.exists():
            _make(archive, architecture)
    return archive


def _make(archive: Path, architecture: str) -> None:
    part = archive.with_name(f".{archive.name}.{secrets.token_hex(4)}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="earshot-debian-") as scratch:
            root, python = Path(scratch) / "root", Path(scratch) / "python"
            unpack(download(Path(scratch) / "apt", SUITE, PACKAGES, architecture), root)
            _lay_out(root / "usr", python)
            with tarfile.open(part, "w:gz", format=tarfile.GNU_FORMAT) as tar:
                tar.add(python, ".")
        part.rename(archive)
    finally:
        part.unlink(missing_ok=True)


def _lay_out(usr: Path, python: Path) -> None:
    """``bin/python3`` (the script), ``libexec/`` (the program), ``lib/python3.*/``, and the libraries by triplet."""
    (program,) = [path for path in (usr / "bin").glob("python3.*") if path.name[8:].isdigit()]
    (loader,) = [path for path in (usr / "lib").glob("*/ld-linux*.so.*") if not path.is_symlink()]
    libraries = python / "lib" / loader.parent.name
    libraries.mkdir(parents=True)
    for path in loader.parent.glob("*.so*"):
        shutil.copy(path, libraries / path.name)  # A link's file: the device may have no place for links to it.
    shutil.copytree(usr / "lib" / program.name, python / "lib" / program.name, symlinks=True)
    for path in (python / "lib" / program.name).rglob("*"):
        if path.is_symlink() and path.readlink().is_absolute():
            path.unlink()
    (python / "libexec").mkdir()
    shutil.copy(program, python / "libexec" / program.name)
    (python / "bin").mkdir()
    script = python / "bin" / "python3"
    words = {"loader": f"lib/{loader.parent.name}/{loader.name}", "libraries": f"lib/{loader.parent.name}"}
    script.write_text(_WRAPPER.format(program=program.name, **words))
    script.chmod(0o755)
