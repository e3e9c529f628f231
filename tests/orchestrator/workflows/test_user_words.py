from pathlib import Path

import pytest

from orchestrator.errors import BadInput
from orchestrator.make.models.reference_source import reference_source
from orchestrator.workflows.user_words import user_words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.csv"


def test_a_users_words_are_a_part_of_the_session(path: Path) -> None:
    path.write_text("word,count\nzuzanek,3\n")
    ((name, (found, blob)),) = user_words(reference_source("gesture-rnnt"), path).items()
    assert (name, found, blob.size_bytes, blob.suffix) == ("user-lexicon", path, 21, ".csv")
    assert user_words(reference_source("gesture-rnnt"), None) == {}


def test_a_model_without_a_list_has_no_use_for_them(path: Path) -> None:
    with pytest.raises(BadInput, match="kws chooses from no list of words"):
        user_words(reference_source("kws"), path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("zuzanek\n", "must begin with the line word,count"),
        ("word,count\nzuzanek,often\n", "line 2 must be a word and its count"),
        ("word,count\nŽUŽANEK,3\n", "has no word that gesture-rnnt can spell"),
        (None, "No such file"),
    ],
)
def test_words_that_cannot_be_used_are_told(path: Path, text: str | None, told: str) -> None:
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=told) as caught:
        user_words(reference_source("gesture-rnnt"), path)
    assert str(path) in caught.value.message
    assert caught.value.hint
