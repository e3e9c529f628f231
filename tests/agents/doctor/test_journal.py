"""The undo journal: on the disk before the change, whole or absent, and only what was asked for leaves it."""

import json
from pathlib import Path

import pytest

from agents.doctor import journal

ONE, TWO = {"id": "a", "changes": [1]}, {"id": "b", "changes": [2]}


def test_entries_stay_until_they_are_dropped(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert journal.answer(root, {}) == []
    assert journal.answer(root, {"add": ONE}) == [ONE]
    assert journal.answer(root, {"add": TWO}) == [ONE, TWO]
    assert journal.answer(root, {"add": {"id": "a", "changes": []}}) == [TWO, {"id": "a", "changes": []}]
    assert journal.answer(root, {"drop": ["b", "unknown"]}) == [{"id": "a", "changes": []}]
    assert journal.answer(root, {"drop": ["a"]}) == []
    assert list(tmp_path.iterdir()) == [], "an empty journal is no file: its absence is cheap to see"


@pytest.mark.parametrize("request_", [[], {"add": {}}, {"add": ONE, "drop": []}, {"remove": []}, None, {"add": 3}])
def test_a_request_that_cannot_be_right_changes_nothing(tmp_path: Path, request_: object) -> None:
    journal.answer(str(tmp_path), {"add": ONE})
    with pytest.raises(ValueError):
        journal.answer(str(tmp_path), request_)
    assert journal.answer(str(tmp_path), {}) == [ONE]


def test_a_damaged_journal_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "undo.json").write_text(json.dumps({"id": "a"}))
    with pytest.raises(ValueError, match="no list of undo entries"):
        journal.answer(str(tmp_path), {"add": ONE})
