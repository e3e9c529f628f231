"""One library for all tests of bad input, so that each export is made once."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hosts import ssh_host
from tests.orchestrator.workflows.mini import add_mini

__all__ = ["ssh_host"]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """$HOME of the commands."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder whose library holds ``mini``; tests may add to it, and must leave it sound."""
    folder = tmp_path_factory.mktemp("shared") / "earshot-results"
    add_mini(folder)
    return folder


MountTmpfs = Callable[..., Path]


@pytest.fixture
def mount_tmpfs(tmp_path: Path) -> Iterator[MountTmpfs]:
    """Mounts a file system of so many KiB. Skips by name where mount is not permitted."""
    mounted: list[Path] = []

    def mount(size_kb: int, *, name: str = "disk") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        argv = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", str(folder)]
        if not shutil.which("mount") or subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small or read-only disk needs a tmpfs, and mount is not permitted here: run it as root")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def fill(folder: Path) -> None:
    """No byte of room is left."""
    status = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        file.write(b"x" * (status.f_bavail * status.f_frsize))
