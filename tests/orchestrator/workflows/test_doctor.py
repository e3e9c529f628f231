"""A doctor that finds nothing harmful is what brings a device back from quarantine."""

from pathlib import Path

import pytest

from orchestrator.errors import Unreachable
from orchestrator.ledger import health
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.doctor.finding import HARM, OK, UNKNOWN, Finding
from orchestrator.workflows.doctor import Visit, released

GOOD = (Finding("memory", OK, "2000 MiB available"), Finding("throttling", UNKNOWN, "no flag"))


@pytest.mark.parametrize(
    ("visit", "out"),
    [
        (Visit("pi5", GOOD), True),
        (Visit("pi5", (*GOOD, Finding("disk", HARM, "3 MiB free"))), False),
        (Visit("pi5", error=Unreachable("pi5: no answer")), False),
    ],
)
def test_back_from_quarantine(tmp_path: Path, visit: Visit, out: bool) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        health.quarantine(ledger, "pi5", "three sessions were killed")
    assert released(visit, path).released == out
    with Ledger.open(path) as ledger:
        assert health.health_of(ledger, "pi5").quarantined != out


def test_failures_of_a_device_that_is_not_in_quarantine_still_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        health.record_failure(ledger, "pi5", "it was killed")
        before = health.health_of(ledger, "pi5")
    assert not released(Visit("pi5", GOOD), path).released
    with Ledger.open(path) as ledger:
        assert health.health_of(ledger, "pi5") == before
    assert not released(Visit("pi5", GOOD), tmp_path / "absent.db").released
