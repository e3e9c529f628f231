"""A checkpoint's folder from the command line: remembered by its name, and refused with a next step."""

import json
from pathlib import Path

import pytest

from tests.orchestrator.cli.command import BAD_INPUT, assert_refused, earshot
from tests.orchestrator.make.models.test_builders import QWEN2, WHISPER, checkpoint


def test_a_whisper_checkpoint_is_imported_shown_and_listed(tmp_path: Path, home: Path) -> None:
    folder, results = checkpoint(tmp_path / "Whisper-Mini", WHISPER), ("--results", str(tmp_path / "results"))
    done = earshot("models", "import", folder, "--form", "batch", *results, home=home)
    assert done.returncode == 0, done.stderr
    assert "whisper-mini: whisper-mel, 30 s a chunk, input and outputs (1, 128, 3000) (1, 1500, 64)" in done.stdout
    assert f"its weights stay in {folder}" in done.stderr
    shown = earshot("models", "show", "whisper-mini", *results, home=home)
    assert json.loads(shown.stdout)["contract"]["frontend"]["context_samples"] == 0
    listed = earshot("models", "list", *results, home=home)
    assert "whisper-mini" in listed.stdout
    assert "whisper-encoder: random weights" in listed.stdout


@pytest.mark.parametrize(
    ("config", "flags", "message", "then"),
    [
        ({"model_type": "llama"}, (), "holds a 'llama' model", "your-pytorch-model"),
        (QWEN2, ("--form", "hop"), "a qwen2 model has one form only", "leave --form out"),
        (WHISPER, ("--form", "loop"), "a whisper model has hop or batch, got --form loop", "leave --form out"),
        (WHISPER, ("--name", "causal-lm"), "causal-lm is a model of earshot's own", "--name"),
    ],
)
def test_what_cannot_be_imported(
    config: dict[str, object], flags: tuple[str, ...], message: str, then: str, tmp_path: Path, home: Path
) -> None:
    folder, results = checkpoint(tmp_path / "c", config), tmp_path / "results"
    done = earshot("models", "import", folder, *flags, "--results", str(results), home=home)
    assert_refused(done, BAD_INPUT, message, then=then)
    assert not (results / "models" / "c").exists()
