"""The command in a folder of its own. Stand-ins for any test are in ``tests/lab/fixtures.py``."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import require_program
from tests.lab.command import EARSHOT, Earshot
from tests.lab.fixtures import ROOTS


@pytest.fixture
def earshot(tmp_path: Path) -> Iterator[Earshot]:
    """Runs the command in a folder of its own; a lab that is still up there afterwards is taken down."""
    for name in ("ip", "tc", "sshd", "unshare", "nsenter", "setpriv", "dropbear", "busybox"):
        require_program(name)
    cache = tmp_path / "cache/earshot"
    cache.mkdir(parents=True)
    ROOTS.mkdir(exist_ok=True)
    (cache / "stand-ins").symlink_to(ROOTS)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(*words: str, before: list[str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*(before or []), *EARSHOT, *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )

    yield run
    if (tmp_path / "earshot-lab/lab.json").exists():
        run("lab", "down")
