"""A cascade file is read strictly: each problem is told with the nearest known name, all of them at once."""

from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.workflows.cascade_file import read_cascade

GOOD = """
name = "dictation"
order = "first-come"

[audio]
model = "digits-lstm"
pause_ms = 700

[gate]
threshold = 0.6
hangover_ms = 400

[[stage]]
name = "vad"
model = "silero-vad"
when = "always"
budget_ms = 10

[[stage]]
name = "asr"
model = "digits-lstm"
recipe = "onnx:int8-dynamic"
when = "speech"
threads = 2
options = ["allow_spinning=0"]
budget_ms = 150

[[stage]]
name = "lm"
model = "causal-lm"
when = "final"
reply_tokens = 8
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "cascade.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    found = read_cascade(write(tmp_path, GOOD))
    assert (found.name, found.order, found.reply_tokens) == ("dictation", "first-come", 8)
    assert (found.threshold, found.release, found.hangover_ms) == (0.6, None, 400.0)
    assert (found.audio.model, found.audio.pause_ms) == ("digits-lstm", 700.0)
    asr = found.stages[1]
    assert (str(asr.recipe), asr.threads, asr.budget_ms) == ("onnx:int8-dynamic", 2, 150)
    assert [str(option) for option in asr.options] == ["onnxruntime:allow_spinning=0"]
    assert found.stages[2].budget_ms is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('when = "speech"', 'when = "speach"', "did you mean 'speech'?"),
        ("threads = 2", "thread = 2", "unknown key 'thread', did you mean 'threads'?"),
        ("threads = 2", 'threads = "2"', "stage asr: threads must be a whole number, got '2'"),
        ("threads = 2", "threads = 0", "stage asr: threads must be > 0"),
        ('recipe = "onnx:int8-dynamic"', 'recipe = "onnx:int9"', "precision of onnx must be one of"),
        ('when = "always"', 'when = "final"', "stage vad: the first stage hears everything"),
        ('when = "final"', 'when = "always"', "stage lm: only the first stage runs always"),
        ('name = "lm"', 'name = "asr"', "stages need names of their own"),
        ('model = "causal-lm"\n', "", "stage lm: lacks model"),
        ("threshold = 0.6", "threshold = 6", "threshold is a probability in 0..1, got 6"),
        ("hangover_ms = 400", "release = 0.7", "release must be <= threshold"),
        ("pause_ms = 700", 'file = "mine.wav"', "give one of them"),
        ('order = "first-come"', 'order = "random"', "order must be audio-first or first-come"),
        ('options = ["allow_spinning=0"]', 'options = ["fast"]', "cannot read the option 'fast'"),
    ],
)
def test_a_problem_is_told_with_what_to_write(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        read_cascade(write(tmp_path, GOOD.replace(old, new)))
    assert said in caught.value.message
    assert caught.value.hint


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has 3 problems"):
        read_cascade(write(tmp_path, GOOD.replace("threads = 2", "thred = 2").replace("= 700", "= -1") + "beam = 4\n"))


def test_one_stage_is_no_cascade(tmp_path: Path) -> None:
    alone = '[[stage]]\nname = "vad"\nmodel = "silero-vad"\nwhen = "always"\n'
    with pytest.raises(BadInput, match="two stages or three"):
        read_cascade(write(tmp_path, alone))


def test_a_file_that_is_not_there_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no cascade file"):
        read_cascade(tmp_path / "none.toml")
    with pytest.raises(BadInput, match="cannot read the cascade file"):
        read_cascade(write(tmp_path, "[[stage"))


def test_the_file_of_the_how_to_is_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "cascade.md"
    block = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    found = read_cascade(write(tmp_path, block))
    assert [stage.budget_ms for stage in found.stages] == [10, 150, 450]
