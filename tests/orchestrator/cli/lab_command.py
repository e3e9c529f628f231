"""The command beside a lab file, with a home and a cache of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.orchestrator.workflows.mini import add_mini


class LabCommand:
    """``lab.toml`` is written by those who know the device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        add_mini(folder / "earshot-results")

    def earshot(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", *words, "--lab", "lab.toml"],
            cwd=self.folder,
            env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache"), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def said(self, *words: str) -> Any:
        done = self.earshot(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
