"""A planted slow commit is found on this machine, past commits that change nothing and one that cannot be read."""

from pathlib import Path

import pytest

from orchestrator.decide.bisection.search import Care, Found
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows.bisect import BisectSettings, bisect
from orchestrator.workflows.bisect_commits import Repository
from orchestrator.workflows.progress import Silent
from tests.orchestrator.workflows.commits import BROKEN, NOTED, SAME, SLOW, git, make_repo

# What the search needs of pairs, its own tests say; here a slow commit is slower by far.
QUICK = Care(ends=5, most_ends=15, batch=2)


def settings(folder: Path, repo: Path, **changes: object) -> BisectSettings:
    given = {
        "repository": Repository(repo, "model/model.onnx"), "good": "HEAD~6", "bad": "HEAD", "seconds": 0.4,
        "results": folder / "r", "care": QUICK, **changes,
    }  # fmt: skip
    return BisectSettings(**given)  # type: ignore[arg-type]


def test_the_slow_commit_is_found_and_a_second_call_measures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    repo = make_repo(tmp_path, SAME, NOTED, BROKEN, SLOW, SAME, NOTED)
    found = bisect(settings(tmp_path, repo), Silent())
    assert found.commits is not None
    step = found.commits.step
    assert isinstance(step, Found)
    assert found.axis == "model_commit"
    # The broken commit lies between the last one that is as before and the slow one.
    assert [name.split()[-1] for name in found.commits.names[step.first : step.last + 1]] == [BROKEN, SLOW]
    assert [name.split()[-1] for name in found.commits.unfit] == [BROKEN]
    assert step.effect.low is not None
    assert step.effect.low > 1.2
    with Ledger.open(tmp_path / "r" / "ledger.db") as ledger:
        made = len(ledger.sessions(found.commits.study_id, with_arrays=False))
    assert git(repo, "worktree", "list").count("\n") == 0
    again = bisect(settings(tmp_path, repo), Silent())
    assert again == found
    with Ledger.open(tmp_path / "r" / "ledger.db") as ledger:
        assert len(ledger.sessions(found.commits.study_id, with_arrays=False)) == made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"good": "nothing"}, "git rev-parse"),
        ({"good": "HEAD", "bad": "HEAD~1"}, "does not follow"),
        ({"good": "HEAD"}, "the same commit"),
        ({"repository": None}, "a git work tree"),
        ({"good": None}, "give both"),
        ({"metric": "speed"}, "metric must be one of"),
        ({"seconds": 0.0}, "seconds must be > 0"),
    ],
)
def test_what_cannot_be_searched_is_said(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    repo = make_repo(tmp_path, SAME)
    with pytest.raises(BadInput, match=said):
        bisect(settings(tmp_path, repo, **changes), Silent())


def test_a_build_command_that_fails_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    repo = make_repo(tmp_path, SAME)
    build = ("sh", "-c", "echo no compiler >&2; exit 3")
    given = settings(tmp_path, repo, repository=Repository(repo, "model/model.onnx", build), good="HEAD~1")
    with pytest.raises(Exception, match="exit code 3: no compiler"):
        bisect(given, Silent())
    # The same bytes cannot be told apart, and are not run.
    same = settings(tmp_path, repo, good="HEAD~1", recipe=Recipe("onnx", "fp32"))
    with pytest.raises(BadInput, match="very same bytes"):
        bisect(same, Silent())
