"""A site's rows come to the farm's ledger once, whatever was cut meanwhile; nobody's row is overwritten by another."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, delete, func, insert, inspect, select

from orchestrator.domain.night import NightRecord
from orchestrator.domain.study import Study
from orchestrator.errors import LedgerError
from orchestrator.ledger import delivery, health, outbox
from orchestrator.ledger.delivery import Delivered, deliver, deliver_lost
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import nights, record_night
from orchestrator.ledger.spool import KINDS, begin_spool, newest_entry, spool
from orchestrator.ledger.tables import (
    ArrayRow,
    ArtifactRow,
    HealthEventRow,
    ScoreRow,
    SessionRow,
    StudyRow,
    Table,
)
from orchestrator.workflows.telemetry import collect
from tests.orchestrator.ledger import ledger_samples as samples


def measure(ledger: Ledger, blocks: range, study_id: str = "s1") -> list[str]:
    ledger.begin_study(samples.study(study_id))
    ledger.record_artifact(samples.artifact(ledger.place.folder / "a.onnx"))
    found = []
    for block in blocks:
        session = samples.session(samples.planned(study_id, block=block), seed=block)
        ledger.record_session(session)
        ledger.record_score(samples.score(session.session_id))
        found.append(session.session_id)
    return found


def test_all_of_it_once(site: Ledger, farm: Ledger) -> None:
    measure(site, range(3))
    site.finish_study("s1", "finished")
    assert spool(site).sessions == 3
    done = deliver(site, farm)
    assert done.rows == {"studies": 1, "artifacts": 1, "sessions": 3, "scores": 3}
    assert done.refused == {}
    assert spool(site).entries == 0
    assert deliver(site, farm).rows == {}
    assert farm.studies() == site.studies()
    for ours, theirs in zip(site.sessions("s1"), farm.sessions("s1"), strict=True):
        assert samples.same_arrays(ours, theirs)
        assert ours.planned == theirs.planned
        assert ours.environment == theirs.environment
    assert farm.scores("s1") == site.scores("s1")


def test_a_farm_that_lost_its_last_commits_gets_a_session_again(site: Ledger, farm: Ledger) -> None:
    first, last = measure(site, range(2))
    deliver(site, farm)
    assert not deliver_lost(site, farm, last)
    with farm.transaction() as connection:
        for table in (ScoreRow, ArrayRow, SessionRow):
            connection.execute(delete(table).where(table.session_id == last))
    assert deliver_lost(site, farm, last)
    assert [each.session_id for each in farm.sessions("s1")] == [first, last]
    assert farm.scores("s1") == site.scores("s1")


def test_it_gets_what_the_session_refers_to_as_well(site: Ledger, farm: Ledger) -> None:
    (only,) = measure(site, range(1))
    deliver(site, farm)
    with farm.transaction() as connection:
        for table in (ScoreRow, ArrayRow, SessionRow, ArtifactRow, StudyRow):
            connection.execute(delete(table))
    assert deliver_lost(site, farm, only)
    assert farm.studies() == site.studies()
    assert samples.same_arrays(farm.sessions("s1")[0], site.sessions("s1")[0])


def any_row(kind: type[Table]) -> dict[str, Any]:
    """What refers to a study, a session or an artifact refers to those of ``measure``."""
    known = {"study_id": "s1", "session_id": samples.planned().session_id}
    row: dict[str, Any] = {}
    for column in inspect(kind).columns:
        if isinstance(column.type, JSON):
            row[column.name] = {"of": kind.__tablename__, "ratio": 0.1}
        elif column.autoincrement is not True:
            value = {str: "2026-11-21", float: 1.5, int: 3, bytes: b"\0\xff"}[column.type.python_type]
            row[column.name] = known.get(column.name, value) if kind.__tablename__ != "native_sessions" else value
    return row


def everything(ledger: Ledger, but: str = "") -> dict[str, list[tuple[Any, ...]]]:
    """Rows without the numbers that a ledger gives them."""
    found = {}
    for kind in (*KINDS, ArrayRow):
        columns = [column for column in inspect(kind).columns if column.name != but]
        found[kind.__tablename__] = sorted((tuple(row) for row in ledger.fetch(select(*columns))), key=str)
    return found


def test_every_table_that_a_site_fills(site: Ledger, farm: Ledger) -> None:
    measure(site, range(1))
    others = [kind for kind in KINDS if kind not in (StudyRow, ArtifactRow, SessionRow, ScoreRow)]
    with site.transaction() as connection:
        for kind in others:
            connection.execute(insert(kind).values(any_row(kind)))
    done = deliver(site, farm)
    assert done.rows == {kind.__tablename__: 1 for kind in KINDS}
    there = everything(farm)
    here = everything(site)
    del here["artifacts"], there["artifacts"]
    assert there == here
    with site.transaction() as connection:
        for row in connection.exec_driver_sql("SELECT kind, key FROM farm_spool").all():
            raise AssertionError(f"{row} still waits")
    # As after a crash between the farm's commit and the site's: all of it is delivered once more.
    with site.transaction() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    begin_spool(site)
    again = deliver(site, farm)
    assert again.known == len([kind for kind in KINDS if kind.__tablename__ not in again.rows])
    del (after := everything(farm))["artifacts"]
    assert after == here


def test_what_was_there_before_is_delivered_too(tmp_path: Path, farm: Ledger) -> None:
    with Ledger.open(tmp_path / "old" / "ledger.db") as old:
        measure(old, range(2))
        begin_spool(old)
        begin_spool(old)
        assert deliver(old, farm).rows == {"studies": 1, "artifacts": 1, "sessions": 2, "scores": 2}


def test_a_farms_ledger_has_nobody_to_deliver_to(farm: Ledger) -> None:
    if farm.place.file:
        begin_spool(farm)  # A file may be a site's.
        return
    with pytest.raises(LedgerError, match="a site has a file of its own"):
        begin_spool(farm)


def test_what_changes_is_delivered_again_and_goes_only_on(site: Ledger, farm: Ledger) -> None:
    (session,) = measure(site, range(1))
    site.record_decision(samples.decision())
    deliver(site, farm)
    assert farm.study("s1") == samples.study()
    site.record_score(samples.score(session, value=0.75))
    site.finish_study("s1", "finished")
    health.record_failure(site, "pi5", "link lost")
    assert deliver(site, farm).rows == {"scores": 1, "studies": 1, "device_health": 1, "health_events": 1}
    assert farm.scores("s1")[0].value == 0.75
    finished = farm.study("s1")
    assert finished is not None
    assert finished.status == "finished"
    assert health.health_of(farm, "pi5").failures == 1
    health.record_success(site, "pi5")
    deliver(site, farm)
    assert health.health_of(farm, "pi5").failures == 0


def test_a_study_of_the_same_id_with_another_question_is_nobodys(site: Ledger, farm: Ledger, tmp_path: Path) -> None:
    measure(farm, range(1))
    before = everything(farm)
    site.begin_study(samples.study(seed=2))
    site.record_artifact(samples.artifact(tmp_path / "a.onnx"))
    other = samples.session(samples.planned(block=7))
    site.record_session(other)
    measure(site, range(2), "s2")
    done = deliver(site, farm)
    assert set(done.refused) == {"studies s1", f"sessions {other.session_id}"}
    assert done.refused["studies s1"] == "study s1 is in the farm's ledger with other settings_sha256"
    assert done.rows == {"studies": 1, "sessions": 2, "scores": 2}, "and nothing else is in its way"
    assert farm.fetch(select(SessionRow.session_id).where(SessionRow.study_id == "s1")) == [(before["sessions"][0][0],)]
    waiting = spool(site)
    assert (waiting.entries, waiting.refused) == (0, 2)
    assert "other settings_sha256" in str(waiting.refusal)
    assert deliver(site, farm) == Delivered(), "it is not tried again with every session"
    assert len(deliver(site, farm, refused_too=True).refused) == 2
    assert site.session(other.session_id) is not None


def test_a_study_of_another_sites_device_is_nobodys(site: Ledger, farm: Ledger) -> None:
    site.begin_study(samples.study())
    ours = samples.study()
    farm.begin_study(Study("s1", ours.model, "elsewhere", ours.started_utc, ours.settings))
    assert deliver(site, farm).refused == {"studies s1": "study s1 is in the farm's ledger with other device"}


def test_the_first_record_of_a_session_stays_with_its_scores(site: Ledger, farm: Ledger, tmp_path: Path) -> None:
    farm.begin_study(samples.study())
    farm.record_artifact(samples.artifact(tmp_path / "a.onnx"))
    first = samples.session(samples.planned(), seed=1)
    other = Ledger.open(tmp_path / "second" / "ledger.db")
    begin_spool(other)
    other.begin_study(samples.study())
    other.record_artifact(samples.artifact(tmp_path / "a.onnx"))
    other.record_session(first.__class__(**{**vars(first), "started_utc": "2026-11-21T05:00:00Z"}))
    other.record_score(samples.score(first.session_id, value=0.25))
    farm.record_session(first)
    farm.record_score(samples.score(first.session_id, value=0.5))
    done = deliver(other, farm)
    other.close()
    assert done.rows == {}
    assert done.known == 4
    assert farm.scores("s1")[0].value == 0.5
    assert samples.same_arrays(farm.sessions("s1")[0], first)


def test_two_nights_of_one_name_stay_two(site: Ledger, farm: Ledger) -> None:
    night = NightRecord("plan", "2026-11-21", "2026-11-21T20:00:00+00:00", "2026-11-22T06:00:00+00:00", 4)
    record_night(site, night)
    assert deliver(site, farm).rows == {"nights": 1}
    later = NightRecord("plan", "2026-11-21", night.started_utc, night.expected_end_utc, 4, finished_sessions=4)
    record_night(site, later)
    assert deliver(site, farm).rows == {"nights": 1}
    assert nights(farm) == [later]
    record_night(farm, NightRecord("plan", "2026-11-21", "2026-11-21T21:00:00+00:00", night.expected_end_utc, 9))
    record_night(site, night)
    assert deliver(site, farm).rows == {}
    assert nights(farm)[0].expected_sessions == 9


def test_events_that_say_the_same_are_one_and_others_are_not(site: Ledger, farm: Ledger) -> None:
    for detail in ("link lost", "link lost again"):
        health.log(site, "pi5", "failure", detail)
    health.log(farm, "pi4", "failure", "of another site")
    deliver(site, farm)
    assert farm.fetch(select(func.count()).select_from(HealthEventRow)) == [(3,)]


def test_what_a_database_cannot_hold_stays_at_the_site(site: Ledger, farm: Ledger) -> None:
    measure(site, range(1))
    health.log(site, "pi5", "failure", "a NUL \0 that PostgreSQL's text cannot hold")
    health.log(site, "pi5", "failure", "and what came after it")
    done = deliver(site, farm)
    assert done.sessions == 1
    if not farm.place.file:
        assert list(done.refused) == ["health_events 1"]
        assert done.rows["health_events"] == 1
        assert spool(site).refused == 1


def test_a_change_while_it_is_delivered_is_delivered_next(
    site: Ledger, farm: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    (session,) = measure(site, range(1))
    whole = delivery.receive

    def change(write: Any, row: Any, own: set[str]) -> bool:
        if row.kind is ScoreRow:
            site.record_score(samples.score(session, value=0.125))
        return whole(write, row, own)

    monkeypatch.setattr(delivery, "receive", change)
    deliver_once = delivery.entries_after(site, 0, refused=False)
    monkeypatch.setattr(delivery, "entries_after", lambda _s, number, **_: deliver_once if number == 0 else [])
    deliver(site, farm)
    assert farm.scores("s1")[0].value == 0.5
    monkeypatch.undo()
    assert spool(site).entries == 1
    assert deliver(site, farm).rows == {"scores": 1}
    assert farm.scores("s1")[0].value == 0.125


def test_who_brings_its_own_does_not_wait_for_all_that_came_later(site: Ledger, farm: Ledger) -> None:
    measure(site, range(1))
    mine = newest_entry(site)
    measure(site, range(1, 30))
    assert 1 <= deliver(site, farm, through=mine).sessions < 30
    assert deliver(site, farm, through=mine).rows == {}, "it is there: others bring theirs"
    deliver(site, farm)
    assert spool(site).entries == 0
    assert len(farm.sessions("s1")) == 30


def test_delivered_sessions_are_told_to_servers_of_metrics_once(site: Ledger, farm: Ledger) -> None:
    measure(site, range(2))
    site.finish_study("s1", "finished")
    deliver(site, farm)
    assert collect(farm) == 2
    deliver(site, farm, refused_too=True)
    measure(site, range(3))
    deliver(site, farm)
    assert collect(farm) == 1
    assert collect(farm) == 0
    assert len(outbox.keys(farm, outbox.SESSION)) == 3
