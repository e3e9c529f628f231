"""Processes that exports run in: their environment, and one question put to one of them."""

import json
import os
import signal
import subprocess
import sys

from agents.clock import die_with_parent
from orchestrator.errors import ExportFailed


def child_environment() -> dict[str, str]:
    """Ours, with the same code importable, and with string hashes fixed: exporters iterate over sets of names."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONHASHSEED": "0"}


def end_with_parent() -> None:
    """For a child's first line: an export may take minutes, and nobody waits for it when whoever asked has ended.

    A child that only waits for a question sees its stdin end; one that computes would not look. Where the system cannot
    do it (it is Linux's), the export ends by itself. To the kernel the parent is the thread that started this process.
    """
    die_with_parent(signal.SIGKILL)


def answer_of(
    argv: list[str], asked: dict[str, object], timeout_s: float, who: str, hint: str, late_hint: str | None = None
) -> str:
    """What ``python -m`` of ``argv`` writes to stdout when it reads ``asked`` as JSON.

    Raises ExportFailed that names ``who`` where it ends badly, in its last words and with ``hint``, or does not end.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", *argv],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            env=child_environment(),
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise ExportFailed(f"{who} did not finish within {timeout_s:g} s", hint=late_hint) from exc
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or [f"exit code {done.returncode}"]
        raise ExportFailed(f"{who} ended: {last[0].strip()[:400]}", hint=hint)
    return done.stdout
