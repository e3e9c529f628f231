"""The emulated aarch64 board for tests: the root is built once on this machine, each test's board starts from it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import DeviceNotReady
from orchestrator.measure.standin.aarch64 import Aarch64Board, qemu_user
from orchestrator.measure.standin.aarch64_root import build_root
from tests.hosts import require_program


@pytest.fixture(scope="session")
def aarch64_root() -> Path:
    """Shared by all test processes and kept for the next run: it takes ten seconds and a download to build."""
    for program in ("qemu-aarch64-static", "dpkg-deb", "sshd"):
        require_program(program)
    qemu_user()
    try:
        return build_root(Path(tempfile.gettempdir()) / f"earshot-test-roots-{os.getuid()}")
    except DeviceNotReady as exc:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no aarch64 root here: {exc.message}")


@pytest.fixture(scope="session")
def aarch64_board(aarch64_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aarch64Board]:
    """A running board, for tests that do not mind what others have put there."""
    with Aarch64Board(tmp_path_factory.mktemp("aarch64") / "board", aarch64_root) as board:
        yield board
