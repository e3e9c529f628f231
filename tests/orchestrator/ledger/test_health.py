"""Failures in a row lead to quarantine; a good session ends the row, and only a person or the doctor the quarantine."""

from pathlib import Path

import pytest

from orchestrator.domain.health import QUARANTINE_AFTER, Health
from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger

pytestmark = pytest.mark.usefixtures("both_stores")


def test_failures_in_a_row_and_only_those_lead_to_quarantine(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for _ in range(QUARANTINE_AFTER - 1):
            assert not health.record_failure(ledger, "pi5", "link lost").quarantined
        health.record_success(ledger, "pi5")
        for _ in range(QUARANTINE_AFTER - 1):
            assert not health.record_failure(ledger, "pi5", "link lost").quarantined
        last = health.record_failure(ledger, "pi5", "the session was killed")
        assert last.quarantined
        assert last.reason == f"{QUARANTINE_AFTER} failures in a row, the last one: the session was killed"
        assert health.health(ledger) == {"pi5": last}
        assert health.health_of(ledger, "pi4") == Health("pi4")


def test_a_good_session_ends_no_quarantine_and_a_release_with_its_evidence_does(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        health.quarantine(ledger, "pi5", "its service times drift")
        assert health.quarantine(ledger, "pi5", "another reason").reason == "its service times drift"
        health.record_failure(ledger, "pi5", "link lost")
        health.record_success(ledger, "pi5")
        assert health.health_of(ledger, "pi5").quarantined
        assert health.release_quarantine(ledger, "pi5", "doctor: all is well")
        assert not health.release_quarantine(ledger, "pi5", "doctor: all is well")
        assert health.health_of(ledger, "pi5") == Health("pi5")
        assert [(e.kind, e.detail) for e in health.events(ledger, "pi5")] == [
            ("quarantine", "its service times drift"),
            ("failure", "link lost"),
            ("release", "doctor: all is well"),
        ]


def test_the_log_shows_the_newest_and_keeps_devices_apart(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for number in range(5):
            health.log(ledger, "pi5", "power", f"cycle {number}")
        health.log(ledger, "pi4", "power", "on")
        assert [e.detail for e in health.events(ledger, "pi5", limit=2)] == ["cycle 3", "cycle 4"]
