"""A git work tree with a model in it, whose commits change it one way or another."""

import shutil
import subprocess
from pathlib import Path

import onnx

from tests.hosts import require_program
from tests.orchestrator.workflows.mini import add_mini
from tests.orchestrator.workflows.slow_graph import slow_down

SAME, NOTED, SLOW, BROKEN = "same", "noted", "slow", "broken"


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@localhost", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def make_repo(folder: Path, *commits: str) -> Path:
    """A first commit and one for each of ``commits``: the model's bytes stay the same, get a note, become slow, or
    cannot be read in that commit alone.
    """
    require_program("git")
    repo, library = folder / "repo", folder / "library"
    repo.mkdir()
    shutil.copytree(add_mini(library), repo / "model")
    shutil.rmtree(library)
    graph, readable = repo / "model" / "model.onnx", b""
    git(repo, "init", "-q")
    _commit(repo, "start")
    for number, kind in enumerate(commits, start=1):
        graph.write_bytes(readable or graph.read_bytes())
        readable = b""
        (repo / "notes").write_text(str(number))
        if kind == NOTED:
            _note(graph, number)
        elif kind == SLOW:
            slow_down(graph)
        elif kind == BROKEN:
            readable = graph.read_bytes()
            graph.write_bytes(b"no graph")
        _commit(repo, f"{number} {kind}")
    return repo


def _commit(repo: Path, subject: str) -> None:
    git(repo, "add", "--all")
    git(repo, "commit", "-qm", subject)


def _note(graph: Path, number: int) -> None:
    """Another graph that computes the same in the same time."""
    model = onnx.load(graph)
    model.graph.doc_string = str(number)
    model.graph.name = f"graph-{number}"
    graph.write_bytes(model.SerializeToString())
