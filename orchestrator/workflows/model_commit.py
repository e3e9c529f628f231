"""Which commit a model is of: the git work tree that it comes from, asked with argv and a limit."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput

GIT_TIMEOUT_S = 60.0
_SHOWN = 12


@dataclass(frozen=True)
class ModelCommit:
    """``commit``: 40 hex digits. ``dirty``: tracked files differ from it, so that it does not say what was measured."""

    commit: str
    dirty: bool

    def as_settings(self) -> dict[str, object]:
        return {"commit": self.commit, "dirty": self.dirty}


def model_commit(model: str, repo: Path | None) -> ModelCommit | None:
    """Of ``repo`` its HEAD. Of a model that was named by its path, where no ``repo`` is given, the last commit that
    changed its folder. None where git does not know it. Raises BadInput for a ``repo`` that is no work tree.
    """
    if repo is not None:
        commit = git(repo, "rev-parse", "--verify", "HEAD^{commit}")
        return ModelCommit(commit, _is_dirty(repo, "."))
    if os.sep not in model:
        return None
    path = Path(model).resolve()
    folder = path if path.is_dir() else path.parent
    try:
        commit = git(folder, "log", "-1", "--format=%H", "--", ".")
    except BadInput:
        return None
    return ModelCommit(commit, _is_dirty(folder, ".")) if commit else None


def axis_of(settings: dict[str, object], source_sha256: str) -> str:
    """What a study says of its model's version: the commit; with changes on top, and without a commit, the hash of what
    it was exported from.
    """
    known = settings.get("model_commit")
    if not isinstance(known, dict) or "commit" not in known:
        return source_sha256[:_SHOWN]
    commit = str(known["commit"])[:_SHOWN]
    return f"{commit} and changes ({source_sha256[:8]})" if known.get("dirty") else commit


def git(folder: Path, *words: str) -> str:
    """What git writes, without the last line's end. Raises BadInput with git's own message."""
    # A repository's own hooks, pagers and prompts have no part in this.
    plain = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            env=plain,
            check=False,
        )
    except FileNotFoundError as exc:
        raise BadInput("git is not installed", hint="install it, or leave repo out") from exc
    except subprocess.TimeoutExpired as exc:
        raise BadInput(f"git {words[0]} in {folder} did not end within {GIT_TIMEOUT_S:g} s") from exc
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadInput(f"git {words[0]} in {folder} failed: {said}", hint="repo must be a git work tree with a commit")
    return done.stdout.rstrip("\n")


def _is_dirty(folder: Path, path: str) -> bool:
    return bool(git(folder, "status", "--porcelain", "--untracked-files=no", "--", path))
