"""A relocatable Python in an archive, made of the interpreter that runs the tests: what setup brings to a device."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.hosts import require_program

_VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_LEFT_OUT = ("__pycache__", "test", "idlelib", "tkinter", "ensurepip", "site-packages", "dist-packages", "config-*")
_LEFT_OUT += ("lib2to3", "pydoc_data", "_test*", "turtledemo")
# Where the loader looks for a library of the program's own, from where the program lies.
_RELATIVE = b"$ORIGIN/../lib"


def make_python(folder: Path) -> Path:
    """``python/bin/python3`` and its library, laid out as python-build-standalone does, in a .tar.gz."""
    python = folder / "python"
    base = Path(sys.base_prefix)
    (python / "bin").mkdir(parents=True)
    library = python / "lib" / _VERSION
    shutil.copytree(base / "lib" / _VERSION, library, symlinks=False, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    program = python / "bin" / _VERSION
    shutil.copy(os.path.realpath(base / "bin" / _VERSION), program)
    for shared in (base / "lib").glob(f"lib{_VERSION}*.so.*"):
        shutil.copy(shared, python / "lib" / shared.name)
    _look_beside(program, bytes(base / "lib"))
    if strip := shutil.which("strip"):  # Only for the tests' time: many a build holds twice its size in debug symbols.
        subprocess.run([strip, "--strip-debug", program, *python.rglob("*.so*")], check=True)
    (python / "bin" / "python3").symlink_to(_VERSION)
    archive = folder / "cpython-install_only.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(python, "python")
    shutil.rmtree(python)
    return archive


def _look_beside(program: Path, absolute: bytes) -> None:
    """A build with a shared library has the absolute path of it: replaced, in as many bytes, by a relative one."""
    data = program.read_bytes()
    if len(absolute) >= len(_RELATIVE):
        name = re.compile(rb"(?<=\0)" + re.escape(absolute) + rb"(?=\0)")
        program.write_bytes(name.sub(_RELATIVE.ljust(len(absolute), b"\0"), data))


@pytest.fixture(scope="session")
def python_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_program("tar")
    return make_python(tmp_path_factory.mktemp("python"))
