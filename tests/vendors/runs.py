"""``earshot run --mode placement`` in an environment of the lab's local device."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def placed(lab: Path, results: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "orchestrator.cli", "run", "mini", "--mode", "placement", "--json"]
    return subprocess.run(
        [*argv, "--lab", str(lab), "--results", str(results), *asked],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def placement(lab: Path, results: Path, *asked: str) -> dict[str, Any]:
    done = placed(lab, results, *asked)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def share_of(said: dict[str, Any], provider: str) -> dict[str, Any]:
    return next((p for p in said["placement"] if p["provider"] == provider), {})
