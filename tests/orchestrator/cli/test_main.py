"""The command as a person types it: a process of its own."""

import subprocess
import sys

import pytest

from orchestrator.cli.main import VERBS


def earshot(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *argv], capture_output=True, text=True, timeout=120, check=False
    )


def test_help_names_every_verb_with_its_line() -> None:
    done = earshot("--help")
    assert done.returncode == 0
    for verb, (_, line) in VERBS.items():
        assert verb in done.stdout
        assert line in " ".join(done.stdout.split())


def test_help_imports_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from orchestrator.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'onnx', 'onnxruntime', 'pandas', 'sqlalchemy', 'altair', 'paramiko', 'rich', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_teaches(verb: str) -> None:
    done = earshot(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: earshot" in done.stdout


def test_an_unknown_model_is_told_with_the_nearest_and_no_traceback() -> None:
    done = earshot("tune", "kwss")
    assert done.returncode == 2
    assert "error: no model 'kwss'" in done.stderr
    assert "next:  did you mean kws?" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_verb_is_a_usage_error() -> None:
    done = earshot("tuen")
    assert done.returncode == 2
    assert "No such command 'tuen'" in done.stderr


def test_a_missing_ledger_says_what_to_do(tmp_path: object) -> None:
    done = earshot("ledger", "studies", "--results", str(tmp_path))
    assert done.returncode == 6
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr
