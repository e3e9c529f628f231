"""The model at each commit: a work tree of its own in a scratch folder, built where it has to be, and exported."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput, EarshotError, ExportFailed
from orchestrator.workflows.bisect_device import like
from orchestrator.workflows.model_commit import git
from orchestrator.workflows.night_material import Ready
from orchestrator.workflows.night_place import NightPlace
from orchestrator.workflows.night_wanted import Wanted
from orchestrator.workflows.prepare import Prepared, prepare_model
from orchestrator.workflows.progress import Progress
from orchestrator.workflows.run_work import exported_one

BUILD_TIMEOUT_S = 3600.0
_SHOWN = 12


@dataclass(frozen=True)
class Repository:
    """``model``: the model within the work tree, a folder with a model.toml or a graph beside its contract. ``build``:
    argv, run in the work tree of each commit before its model is read; empty: nothing has to be built.
    """

    path: Path
    model: str
    build: tuple[str, ...] = ()

    def commits(self, good: str, bad: str) -> tuple[str, ...]:
        """From ``good`` to ``bad`` along the first parents, both included. Raises BadInput where ``bad`` does not
        follow ``good``.
        """
        first, last = (git(self.path, "rev-parse", "--verify", f"{each}^{{commit}}") for each in (good, bad))
        try:
            git(self.path, "merge-base", "--is-ancestor", first, last)
        except BadInput as exc:
            raise BadInput(
                f"{bad} does not follow {good}", hint="the good commit must be an ancestor of the bad one"
            ) from exc
        listed = git(self.path, "rev-list", "--first-parent", "--reverse", f"{first}..{last}").split()
        if not listed:
            raise BadInput(f"{good} and {bad} are the same commit", hint="give the last good and the first bad one")
        return (first, *listed)

    def subject(self, commit: str) -> str:
        """As people know it: the beginning of its hash and its first line."""
        return f"{commit[:_SHOWN]} {git(self.path, 'log', '-1', '--format=%s', commit)}"


@dataclass(frozen=True)
class Builds:
    """Commits as artifacts. ``scratch``: work trees are made below it and taken away again."""

    repository: Repository
    recipe: Recipe
    results: Path
    scratch: Path
    progress: Progress

    def artifact(self, commit: str) -> Artifact:
        """Raises BadInput where the commit cannot be checked out or built, BadModel and ExportFailed for its model."""
        return exported_one(self.prepared(commit), self.recipe, self.results, self.progress)

    def prepared(self, commit: str) -> Prepared:
        tree = self._tree(commit)
        self._build(tree, commit)
        model = tree / self.repository.model
        if not model.exists():
            raise BadInput(f"{commit[:_SHOWN]} has no {self.repository.model}", hint="name the model with --path")
        return prepare_model(str(model.resolve()), self.results / "models")

    def _tree(self, commit: str) -> Path:
        tree = self.scratch / commit
        if not tree.exists():
            git(self.repository.path, "worktree", "add", "--detach", "--force", str(tree), commit)
        return tree

    def _build(self, tree: Path, commit: str) -> None:
        if not self.repository.build:
            return
        self.progress.step(f"building {commit[:_SHOWN]}")
        said = f"{commit[:_SHOWN]}: {' '.join(self.repository.build)}"
        try:
            done = subprocess.run(
                self.repository.build,
                cwd=tree,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=BUILD_TIMEOUT_S,
                check=False,
            )
        except OSError as exc:
            raise BadInput(f"cannot run {said}: {exc.strerror}") from exc
        except subprocess.TimeoutExpired as exc:
            raise ExportFailed(f"{said} did not end within {BUILD_TIMEOUT_S:g} s") from exc
        if done.returncode:
            last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise ExportFailed(f"{said} ended with exit code {done.returncode}: {last}")

    def remove(self, commits: Sequence[str]) -> None:
        """The work trees, and git's note of them."""
        for commit in commits:
            shutil.rmtree(self.scratch / commit, ignore_errors=True)
        git(self.repository.path, "worktree", "prune")


@dataclass(frozen=True)
class CommitVersions:
    """``candidate``: how each is run; None: plainly, on so many ``threads``."""

    builds: Builds
    place: NightPlace
    ready: Ready
    commits: tuple[str, ...]
    candidate: Candidate | None
    threads: int

    def make(self, number: int) -> tuple[Artifact, Candidate]:
        """Raises EarshotError where the commit gives no artifact that this device can run."""
        try:
            artifact = self.builds.artifact(self.commits[number])
        except EarshotError as exc:
            # A scratch folder says nothing to anybody.
            exc.message = exc.message.replace(f"{self.builds.scratch / self.commits[number]}/", "")
            raise
        if self.candidate is not None:
            return artifact, like(self.candidate, artifact, self.candidate.environment)
        wanted = Wanted(artifact.model, artifact.recipe, None, self.threads)
        return artifact, self.place.candidate(wanted, replace(self.ready, artifacts={artifact.recipe: artifact}))
