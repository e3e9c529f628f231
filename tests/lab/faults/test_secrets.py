"""No secret leaves its file: not into logs, the ledger, the report, an error, or onto the device."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab.faults.board import ROOT, Board
from tests.lab.faults.test_controllers import REPOSITORY, RUN, Controller, exported

__all__ = ["exported"]


def secrets_of(key: Path) -> list[bytes]:
    """The lines of a private key, without its frame."""
    lines = key.read_bytes().splitlines()
    return [line for line in lines if len(line) > 20 and b"-----" not in line]


def test_no_key_is_in_anything_that_is_written(pi5: Board, exported: Path, tmp_path: Path) -> None:
    controller = Controller(tmp_path / "controller", pi5)
    shutil.copytree(exported, controller.results)
    # Also where the login fails and everything is told about it.
    shutil.copy(pi5.keys.host_key, tmp_path / "wrong_key")
    (controller.home / "wrong.toml").write_text(pi5.lab_text(identity_file=str(tmp_path / "wrong_key")))
    said = [_run(controller, *RUN, "--lab", "lab.toml"), _run(controller, *RUN, "--lab", "wrong.toml")]
    assert b"refused user pi" in said[1]
    written = [path.read_bytes() for path in controller.home.rglob("*") if path.is_file()]
    there = [path.read_bytes() for path in pi5.path(ROOT).rglob("*") if path.is_file()]
    secrets = [secret for key in (pi5.keys.user_key, tmp_path / "wrong_key") for secret in secrets_of(key)]
    assert len(secrets) >= 4
    for text in [*said, *written, *there, pi5.host.log("sshd").encode()]:
        assert not [secret for secret in secrets if secret in text]


def _run(controller: Controller, *words: str) -> bytes:
    argv = [sys.executable, "-m", "orchestrator.cli", *words, "--results", "results"]
    environment = {**os.environ, "HOME": str(controller.home), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(argv, cwd=controller.home, env=environment, capture_output=True, timeout=180)
    return done.stdout + done.stderr
