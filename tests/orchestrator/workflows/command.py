"""``earshot tune`` as a process of its own, small enough for a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

QUICK = [
    "--recipe",
    "onnx:int8-qdq(weight=u8)",
    "--paced-seconds",
    "1",
    "--budget-minutes",
    "0.01",
    "--finalists",
    "1",
    "--max-quality-loss",
    "1",
    # Other tests run beside this one.
    "--allow-suspect",
]


def argv(results: Path, *more: str) -> list[str]:
    earshot = [sys.executable, "-m", "tests.orchestrator.workflows.patient"]
    return [*earshot, "tune", "mini", "--results", str(results), *QUICK, *more]


def environment(home: Path) -> dict[str, str]:
    """The caller's, with a home whose cache is the local device's disk; what ran there stays, as evidence."""
    return {**os.environ, "HOME": str(home), "EARSHOT_KEEP_SESSIONS": "1"}


def tune(results: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(results, *more),
        env=environment(results.parent),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def tuned(results: Path, *more: str) -> dict[str, Any]:
    """The decision and places that ``--json`` prints."""
    done = tune(results, "--json", *more)
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value
