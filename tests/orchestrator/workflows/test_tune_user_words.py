"""A user's own words in a study: every session gets them, other words are another question. Needs no torch."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents import wire
from orchestrator.domain.study import Study
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.prepare import prepare_model
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.reserve import reserved
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.tune import prepared_tune
from orchestrator.workflows.unit import StudyWork, on_unit


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text("word,count\nzuzanek,3\n")
    return path


def test_every_session_of_the_study_gets_them(tmp_path: Path, words: Path) -> None:
    settings = TuneSettings("gesture-rnnt", results=tmp_path / "results", user_words=words)
    study = Study("study-1", "gesture-rnnt", "here", "2026-01-01T00:00:00+00:00", settings.question())
    device = Device("here", "local", root=str(tmp_path / "agent"))
    prepared = prepare_model("gesture-rnnt", settings.models_dir)
    with Ledger.open(tmp_path / "ledger.db") as ledger, reserved(ledger, device, "test", Silent()) as held:
        ledger.begin_study(study)
        with on_unit(StudyWork(settings, prepared, study, {}, tmp_path), ledger, device, held, Silent()) as runner:
            (blob,) = runner.more_parts.values()
            assert list(runner.more_parts) == [wire.USER_LEXICON]
            assert (tmp_path / "agent" / "blobs" / blob.file_name).read_bytes() == words.read_bytes()
        with on_unit(
            StudyWork(replace(settings, user_words=None), prepared, study, {}, tmp_path), ledger, device, held, Silent()
        ) as runner:
            assert runner.more_parts == {}


def test_other_words_are_another_question_and_the_same_under_another_name_are_not(words: Path, tmp_path: Path) -> None:
    settings = TuneSettings("gesture-rnnt", user_words=words)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(words.read_bytes())
    assert replace(settings, user_words=copy).question() == settings.question()
    copy.write_text("word,count\nzuzanek,4\n")
    assert replace(settings, user_words=copy).question() != settings.question()
    assert "user_words" not in replace(settings, user_words=None).question()


def test_words_that_change_nothing_are_refused_before_anything_is_exported(results: Path, words: Path) -> None:
    settings = TuneSettings("mini", results=results, user_words=words)
    with pytest.raises(BadInput, match="mini chooses from no list of words"), prepared_tune(settings, Silent()):
        pytest.fail("it went on")
    assert not settings.artifacts_dir.exists()
