"""``earshot`` as a person types it, and what every refusal has in common."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BAD_INPUT, EXPORT, DEVICE, LEDGER, INFEASIBLE, INTERRUPTED = 2, 4, 5, 6, 7, 130

# How a file is named while it is being written, by the library, the store of artifacts and the agent.
_UNFINISHED = ("*.tmp", "*.part", ".import-*", ".new-*", ".claim-*", "*.partial")


def argv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli", *arguments]


def environment(home: Path) -> dict[str, str]:
    """The caller's, with a home whose cache is the local device's disk."""
    return {**os.environ, "HOME": str(home)}


def earshot(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(*arguments), env=environment(home), capture_output=True, text=True, timeout=300, check=False
    )


def assert_refused(done: subprocess.CompletedProcess[str], code: int, *parts: str, then: str) -> None:
    """It ended with ``code`` and said what is wrong (``parts``) and what to do next (``then``), and no more."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    error, _, hint = done.stderr.partition("error: ")[2].partition("\nnext:  ")
    for part in parts:
        assert part in error, done.stderr
    assert then in hint, done.stderr
    assert "0x" not in error, "no object's address in a message"


def assert_sound(results: Path) -> None:
    """Nothing half-written in the folder, and a ledger that is whole where there is one."""
    found = [path for pattern in _UNFINISHED for path in results.rglob(pattern)]
    assert not found
    for model in (results / "models").glob("*"):
        assert {"model.onnx", "contract.json"} <= {path.name for path in model.iterdir()}
    if (results / "ledger.db").exists():
        assert rows(results, "pragma integrity_check") == [("ok",)]
        assert rows(results, "pragma foreign_key_check") == []


def rows(results: Path, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What the ledger answers."""
    connection = sqlite3.connect(results / "ledger.db")
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()
