"""Which Earshot wrote a bundle: its version, and its commit where it runs from a checkout."""

import subprocess
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).resolve().parents[3]


@lru_cache(maxsize=1)
def making() -> dict[str, Any]:
    """``commit`` is None with the ``reason`` where nothing tells it; ``changed``: files that differ from the commit."""
    told = {"earshot": version("earshot"), "commit": None, "changed": None, "reason": None}
    if not (_SOURCE / ".git").exists():
        return {**told, "reason": "Earshot was installed, not run from a checkout"}
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changed = len(_git("status", "--porcelain", "--untracked-files=no").splitlines())
    except (OSError, subprocess.SubprocessError) as error:
        return {**told, "reason": f"git does not tell: {error}"}
    return {**told, "commit": commit, "changed": changed}


def _git(*words: str) -> str:
    argv = ["git", "-C", str(_SOURCE), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20).stdout
