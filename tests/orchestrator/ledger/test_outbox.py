"""The outbox: what is told keeps its number and gets a time of its own; a server's state says how far it was told."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.ledger import outbox, outbox_targets
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.outbox import NewEntry
from orchestrator.ledger.outbox_targets import Delivery, Refused, Target, Waiting
from tests.orchestrator.ledger import ledger_samples as samples

pytestmark = pytest.mark.usefixtures("both_stores")

URL = "http://prometheus.example:9090"
AT_UTC = "2026-11-21T12:00:00+00:00"


def entry(number: int, place: str = "here", at_ms: int | None = None) -> NewEntry:
    return NewEntry(f"test:{number}", place, 1000 * number if at_ms is None else at_ms, 3, {"n": number})


def test_a_thing_is_told_once_and_comes_by_number(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert outbox.add(ledger, [entry(2), entry(1)]) == 2
        assert outbox.add(ledger, [entry(1, at_ms=7), entry(3), entry(3)]) == 1
        found = outbox.entries_after(ledger, 0, 10)
        assert [(e.key, e.at_ms, dict(e.record)) for e in found] == [
            ("test:2", 2000, {"n": 2}),
            ("test:1", 1000, {"n": 1}),
            ("test:3", 3000, {"n": 3}),
        ]
        assert [e.key for e in outbox.entries_after(ledger, found[0].number, 1)] == ["test:1"]
        assert [e.key for e in outbox.all_entries(ledger)] == ["test:1", "test:2", "test:3"]
        assert outbox.keys(ledger, "test:") == {"1", "2", "3"}


def test_two_of_one_place_have_two_times(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        outbox.add(ledger, [entry(1, at_ms=5), entry(2, at_ms=5), entry(3, "elsewhere", 5)])
        outbox.add(ledger, [entry(4, at_ms=5)])
        assert [(e.key, e.at_ms) for e in outbox.all_entries(ledger)] == [
            ("test:1", 5),
            ("test:3", 5),
            ("test:2", 6),
            ("test:4", 7),
        ]


def test_one_from_the_future_is_moved_to_a_free_time(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        outbox.add(ledger, [entry(1, at_ms=50), entry(2, at_ms=9000), entry(3, at_ms=9001)])
        outbox.move(ledger, outbox.entries_after(ledger, 1, 10), 50)
        assert [(e.key, e.at_ms) for e in outbox.all_entries(ledger)] == [
            ("test:1", 50),
            ("test:2", 51),
            ("test:3", 52),
        ]


def test_a_server_has_all_up_to_a_number(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        outbox.add(ledger, [entry(n) for n in range(1, 6)])
        assert outbox_targets.target(ledger, URL) == Target(URL)
        assert outbox_targets.waiting(ledger, Target(URL)) == Waiting(5, 15, 1000)
        assert outbox_targets.delivered(
            ledger, URL, Delivery(0, 3, 6, [Refused(2, "too-old", "older than 30 d", 3)]), AT_UTC
        )
        known = outbox_targets.target(ledger, URL)
        assert known == Target(URL, 3, 6, AT_UTC)
        assert outbox_targets.waiting(ledger, known) == Waiting(2, 6, 4000)
        assert outbox_targets.delivered(ledger, URL, Delivery(3, 5, 6), AT_UTC)
        assert outbox_targets.waiting(ledger, outbox_targets.target(ledger, URL)) == Waiting(0, 0, None)
        assert [(r.reason, r.entries, r.samples) for r in outbox_targets.refusals(ledger, URL)] == [("too-old", 1, 3)]
        assert outbox_targets.target(ledger, "http://another") == Target("http://another")


def test_of_two_that_send_the_same_one_counts(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        outbox.add(ledger, [entry(1), entry(2)])
        assert outbox_targets.delivered(ledger, URL, Delivery(0, 2, 6), AT_UTC)
        assert not outbox_targets.delivered(ledger, URL, Delivery(0, 2, 6), AT_UTC)
        assert outbox_targets.target(ledger, URL).sent_samples == 6


def test_a_server_that_is_away_keeps_since_when(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        outbox_targets.failed(ledger, URL, "refused", AT_UTC)
        assert outbox_targets.targets(ledger) == [], "a server that never took anything may be a slip of the pen"
        outbox.add(ledger, [entry(1), entry(2)])
        outbox_targets.delivered(ledger, URL, Delivery(0, 1, 3), AT_UTC)
        outbox_targets.failed(ledger, URL, "connection refused", "2026-11-21T13:00:00+00:00")
        outbox_targets.failed(ledger, URL, "no answer", "2026-11-21T14:00:00+00:00")
        known = outbox_targets.target(ledger, URL)
        assert (known.failing_since_utc, known.failure) == ("2026-11-21T13:00:00+00:00", "no answer")
        outbox_targets.delivered(ledger, URL, Delivery(1, 2, 3), "2026-11-21T15:00:00+00:00")
        assert outbox_targets.target(ledger, URL) == Target(URL, 2, 6, "2026-11-21T15:00:00+00:00")


def test_a_forgotten_server_would_get_everything(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        outbox.add(ledger, [entry(1)])
        outbox_targets.delivered(ledger, URL, Delivery(0, 1, 0, [Refused(1, "too-old", "", 3)]), AT_UTC)
        assert outbox_targets.forget(ledger, URL)
        assert not outbox_targets.forget(ledger, URL)
        assert outbox_targets.waiting(ledger, outbox_targets.target(ledger, URL)).samples == 3
        assert outbox_targets.refusals(ledger, URL) == []


def test_sessions_without_an_entry_once_their_study_has_ended(tmp_path: Path) -> None:
    study = samples.study()
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(study)
        ledger.record_artifact(samples.artifact(tmp_path / "a.onnx"))
        made = [samples.session(samples.planned(block=block)) for block in range(2)]
        for session in made:
            ledger.record_session(session)
        mode = made[0].planned.mode
        assert outbox.sessions_untold(ledger, [mode], "2000-01-01T00:00:00+00:00") == []
        assert len(outbox.sessions_untold(ledger, [mode], "2999-01-01T00:00:00+00:00")) == 2, "left by a dead one"
        ledger.finish_study(study.study_id, "finished")
        assert len(outbox.sessions_untold(ledger, [mode], "2000-01-01T00:00:00+00:00")) == 2
        assert outbox.sessions_untold(ledger, ["another"], "2000-01-01T00:00:00+00:00") == []
        outbox.add(ledger, [replace(entry(1), key=outbox.SESSION + made[0].session_id)])
        left = outbox.sessions_untold(ledger, [mode], "2000-01-01T00:00:00+00:00")
        assert [(each.study_id, each.session_id) for each in left] == [(study.study_id, made[1].session_id)]
