"""``earshot models train``: what cannot be done is told with the next step."""

import subprocess
from pathlib import Path

import pytest

from tests.orchestrator.cli.command import BAD_INPUT, EXPORT, assert_refused, earshot
from tests.orchestrator.workflows.mini import add_mini

INSTALL = "pip install 'earshot[export]'"


@pytest.fixture
def no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python as it is where torch was never installed."""
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "none"))


def train(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return earshot("models", "train", *arguments, "--results", str(home / "results"), home=home)


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize("flags", [["--qat"], []])
def test_without_torch_it_says_what_to_install(tmp_path: Path, flags: list[str]) -> None:
    assert_refused(train(tmp_path, "kws", *flags), EXPORT, "needs torch", then=INSTALL)


@pytest.mark.parametrize(
    ("arguments", "said", "then"),
    [
        (["nobody", "--qat"], "no model 'nobody'", "earshot models import"),
        (["digits-lstm", "--qat"], "digits-lstm names no function that gives training batches", "--lessons"),
        (["kws", "--qat", "--rate", "0"], "the learning rate must be between 0 and 1, got 0", "1e-4"),
        (["kws", "--lessons", "mine.py:lessons"], "--lessons is for --qat", "--qat"),
        (["silent", "--epochs", "1"], "silent has no training script", "earshot models import"),
        (["kws", "--qat", "--lessons", "absent.py:lessons"], "there is no file", "file.py:function"),
    ],
)
def test_a_wrong_word_is_told(tmp_path: Path, arguments: list[str], said: str, then: str) -> None:
    assert_refused(train(tmp_path, *arguments), BAD_INPUT, said, then=then)
    assert not (tmp_path / "results" / "trained").exists()


def test_a_model_without_an_evaluation_set_cannot_be_compared(tmp_path: Path) -> None:
    (add_mini(tmp_path / "results") / "manifest.jsonl").unlink()
    assert_refused(train(tmp_path, "mini", "--qat"), BAD_INPUT, "mini has no evaluation set", then="manifest.jsonl")


def test_a_graph_alone_has_nothing_that_could_learn(tmp_path: Path) -> None:
    add_mini(tmp_path / "results")
    lessons = tmp_path / "mine.py"
    lessons.write_text("def lessons(seed):\n    yield None\n")
    done = train(tmp_path, "mini", "--qat", "--lessons", f"{lessons}:lessons")
    assert_refused(done, EXPORT, "mini is a graph", then="earshot models init")
