"""What is recorded comes back equal, once, and in order."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, text, update

from orchestrator.domain.decision import Estimate, Verification
from orchestrator.domain.study import Study
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import SessionRow
from tests.orchestrator.ledger import ledger_samples as samples

pytestmark = pytest.mark.usefixtures("both_stores")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as opened:
        yield opened


@pytest.fixture
def ready(ledger: Ledger, path: Path) -> Ledger:
    """A ledger with a study and its artifact, so that sessions can be recorded."""
    ledger.begin_study(samples.study())
    file = path.parent / "artifacts" / "a.onnx"
    file.parent.mkdir()
    file.write_bytes(b"onnx")
    ledger.record_artifact(samples.artifact(file))
    return ledger


def count(path: Path, table: str) -> int:
    with Ledger.open(path) as ledger:
        ((number,),) = ledger.fetch(text(f"SELECT count(*) FROM {table}"))
    return int(number)


def test_study_comes_back_equal_and_is_found_by_its_settings(ledger: Ledger) -> None:
    study = samples.study()
    ledger.begin_study(study)
    assert ledger.study("s1") == study
    assert ledger.unfinished_study(study.settings_sha256) == study
    assert ledger.unfinished_study(samples.study(seed=2).settings_sha256) is None
    assert ledger.study("absent") is None


def test_finished_study_is_not_gone_on_with(ledger: Ledger) -> None:
    ledger.begin_study(samples.study())
    ledger.finish_study("s1", "finished")
    assert ledger.unfinished_study(samples.study().settings_sha256) is None
    assert ledger.studies() == [dataclasses.replace(samples.study(), status="finished")]


def test_status_and_study_must_be_known(ledger: Ledger) -> None:
    ledger.begin_study(samples.study())
    with pytest.raises(ValueError, match="done"):
        ledger.finish_study("s1", "done")
    with pytest.raises(LedgerError, match="s2 is not in the ledger"):
        ledger.finish_study("s2", "finished")
    assert ledger.study("s1") == samples.study()


def test_same_study_again_is_no_fault_and_another_under_its_id_is(ledger: Ledger) -> None:
    ledger.begin_study(samples.study())
    ledger.begin_study(samples.study())
    assert len(ledger.studies()) == 1
    with pytest.raises(LedgerError, match="other settings"):
        ledger.begin_study(samples.study(seed=9))


def test_latest_study_is_the_one_started_last(ledger: Ledger) -> None:
    assert ledger.latest_study() is None
    ledger.begin_study(samples.study("s2", "2026-11-22T00:00:00Z"))
    ledger.begin_study(samples.study("s1", "2026-11-21T00:00:00Z"))
    ledger.begin_study(Study("s3", "digits", "local", "2026-11-23T00:00:00Z"))
    assert [s.study_id for s in ledger.studies()] == ["s1", "s2", "s3"]
    latest, latest_kws = ledger.latest_study(), ledger.latest_study("kws")
    assert latest is not None
    assert latest_kws is not None
    assert (latest.study_id, latest_kws.study_id) == ("s3", "s2")


def test_artifact_comes_back_equal_and_moves_with_its_folder(tmp_path: Path, path: Path) -> None:
    file = path.parent / "artifacts" / "a.ort"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"ort")
    with Ledger.open(path) as ledger:
        ledger.record_artifact(samples.artifact(file))
        assert ledger.artifact("a" * 64) == samples.artifact(file)
        assert ledger.artifact("f" * 64) is None
    path.parent.rename(tmp_path / "moved")
    with Ledger.open(tmp_path / "moved" / "ledger.db") as ledger:
        found = ledger.artifact("a" * 64)
        assert found == samples.artifact(tmp_path / "moved" / "artifacts" / "a.ort")


def test_artifact_outside_the_folder_keeps_its_absolute_path(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record_artifact(samples.artifact(tmp_path / "elsewhere.onnx"))
    assert ledger.artifacts() == [samples.artifact(tmp_path / "elsewhere.onnx")]


def test_first_record_of_an_artifact_stays_while_its_file_does(ledger: Ledger, tmp_path: Path) -> None:
    first, second = tmp_path / "first.onnx", tmp_path / "second.onnx"
    first.write_bytes(b"onnx")
    ledger.record_artifact(samples.artifact(first))
    ledger.record_artifact(samples.artifact(second))
    assert [a.path for a in ledger.artifacts("kws")] == [first]
    first.unlink()
    ledger.record_artifact(samples.artifact(second))
    assert [a.path for a in ledger.artifacts("kws")] == [second]
    assert ledger.artifacts("digits") == []


def test_session_comes_back_equal_with_its_arrays(ready: Ledger) -> None:
    session = samples.session()
    assert ready.record_session(session) is True
    found = ready.session(session.session_id)
    assert found is not None
    assert dataclasses.replace(found, arrays={}) == dataclasses.replace(session, arrays={})
    assert samples.same_arrays(found, session)
    assert found.timeline(16000).rtf == session.timeline(16000).rtf
    assert ready.session("absent") is None


def test_session_is_recorded_once(ready: Ledger, path: Path) -> None:
    assert ready.record_session(samples.session(seed=1)) is True
    assert ready.record_session(samples.session(seed=2)) is False
    (found,) = ready.sessions("s1")
    assert samples.same_arrays(found, samples.session(seed=1))
    assert count(path, "session_arrays") == 3


def test_failed_session_is_finished_too(ready: Ledger) -> None:
    failed = samples.failed_session(samples.planned(block=3))
    ready.record_session(failed)
    again = samples.session(samples.planned(block=3, attempt=1))
    ready.record_session(again)
    assert ready.finished_ids("s1") == {failed.session_id, again.session_id}
    assert ready.finished_ids("s2") == frozenset()
    assert [s.ok for s in ready.sessions("s1")] == [False, True]


def test_sessions_are_filtered_and_come_in_the_planned_order(ready: Ledger) -> None:
    other = samples.candidate(threads=2).key
    for block in (1, 0):
        ready.record_session(samples.session(samples.planned(block=block)))
        ready.record_session(samples.session(samples.planned(block=block, mode="flat-out")))
        ready.record_session(samples.session(samples.planned(block=block, threads=2)))
    assert [s.planned.block for s in ready.sessions("s1", "flat-out")] == [0, 1]
    assert {s.planned.candidate.key for s in ready.sessions("s1", candidate_key=other)} == {other}
    assert len(ready.sessions("s1")) == 6
    bare = ready.sessions("s1", "paced", other, with_arrays=False)
    assert [s.arrays for s in bare] == [{}, {}]


def test_sessions_in_the_same_environment_share_its_row(ready: Ledger, path: Path) -> None:
    warm = dataclasses.replace(samples.session(samples.planned(block=2)), environment=samples.environment(70.0))
    for session in (samples.session(), samples.session(samples.planned(block=1)), warm):
        ready.record_session(session)
    assert count(path, "environments") == 2
    assert ready.sessions("s1")[2].environment == samples.environment(70.0)


def test_session_of_an_unknown_study_or_artifact_is_refused_whole(ready: Ledger, path: Path) -> None:
    for plan in (samples.planned(study_id="s9"), samples.planned(digit="9")):
        with pytest.raises(LedgerError, match="no row that this one refers to") as caught:
            ready.record_session(samples.session(plan))
        assert "record the study first" in str(caught.value.hint)
    assert count(path, "sessions") == count(path, "session_arrays") == count(path, "environments") == 0


def test_array_of_objects_is_refused(ready: Ledger, path: Path) -> None:
    session = samples.session()
    session.arrays["bad"] = np.array([{}, None], dtype=object)
    with pytest.raises(LedgerError, match=r"bad of session s1-.*dtype object"):
        ready.record_session(session)
    assert count(path, "sessions") == 0


def test_scores_come_back_equal_and_the_newest_stays(ready: Ledger) -> None:
    first, second = samples.session(), samples.session(samples.planned(block=1))
    for session in (second, first):
        ready.record_session(session)
        ready.record_score(samples.score(session.session_id, value=0.1))
        ready.record_score(samples.score(session.session_id, "frr"))
        ready.record_score(samples.score(session.session_id))
    expected = [samples.score(s.session_id, m) for s in (first, second) for m in ("accuracy", "frr")]
    assert ready.scores("s1") == expected
    assert ready.scores("s2") == []


def test_decision_comes_back_equal_and_is_replaced_by_its_verified_form(ready: Ledger) -> None:
    assert ready.decision("s1") is None
    ready.record_decision(samples.decision())
    assert ready.decision("s1") == samples.decision()
    figure = Estimate(1.0, 0.9, 1.1, 5)
    proof = Verification(
        samples.candidate().key, "a" * 64, True, "latency_p99_ms", figure, figure, True, ("x",), "equal"
    )
    ready.record_decision(samples.decision(verification=proof))
    assert ready.decision("s1") == samples.decision(verification=proof)


def test_figure_that_is_not_finite_is_refused_and_the_old_row_stays(ready: Ledger) -> None:
    ready.record_decision(samples.decision())
    with pytest.raises(LedgerError, match="cannot write to the ledger"):
        ready.record_decision(dataclasses.replace(samples.decision(), gain=Estimate(float("inf"))))
    assert ready.decision("s1") == samples.decision()


def test_refused_exports_are_kept_with_their_reason(ready: Ledger) -> None:
    ready.record_refusal("s1", samples.QDQ, "parity: 12 dB")
    ready.record_refusal("s1", samples.FP32, "old reason")
    ready.record_refusal("s1", samples.FP32, "no such opset")
    assert ready.refusals("s1") == [(str(samples.FP32), "no such opset"), (str(samples.QDQ), "parity: 12 dB")]
    assert ready.refusals("s2") == []


def test_row_of_another_version_is_told_apart(ready: Ledger, path: Path) -> None:
    ready.record_session(samples.session())
    ((result,),) = ready.fetch(select(SessionRow.result))
    with ready.transaction() as connection:
        connection.execute(update(SessionRow).values(result={**result, "mood": "fine"}))
    with pytest.raises(LedgerError, match=r"unknown keys \['mood'\]") as caught:
        ready.sessions("s1")
    assert caught.value.hint == "it was written by another version of Earshot"


def test_everything_is_there_after_opening_anew(ready: Ledger, path: Path) -> None:
    session = samples.session()
    ready.record_session(session)
    with Ledger.open(path, create=False) as again:
        (found,) = again.sessions("s1")
    assert samples.same_arrays(found, session)
