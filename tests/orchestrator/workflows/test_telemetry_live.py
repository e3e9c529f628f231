"""The farm at this moment: what the lab and the ledger say of it, as samples."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents import uptime
from orchestrator.domain.lease import Lease
from orchestrator.domain.night import NightRecord
from orchestrator.ledger import leases, outbox, outbox_targets
from orchestrator.ledger.health import quarantine, record_failure
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import record_night
from orchestrator.ledger.outbox_targets import Delivery, Refused
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.holder import this_process
from orchestrator.tell.telemetry.names import LIVE, METRICS
from orchestrator.tell.telemetry.told import Sample
from orchestrator.workflows.telemetry import collect
from orchestrator.workflows.telemetry_live import farm_samples
from tests.orchestrator.workflows.night_ledger import add_night

NOW = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
URL = "http://prometheus.example:9090"
NAMES = ("bench", "desk", "phone")
LAB = Lab({name: Device(name, "ssh", host="192.0.2.1", profile="raspberry-pi-5") for name in NAMES})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Bench has had a session, desk is held by a process, phone by hand and in quarantine."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        add_night(ledger, 0, [2.0], ["c"])
        now = uptime.now()
        desk = Lease("desk", "l-1", 1, "me@here", this_process(), "tune", NOW.isoformat(), now)
        phone = Lease("phone", "l-2", 1, "me@here", None, "by hand", NOW.isoformat(), now)
        for lease in (desk, phone):
            assert leases.acquire(ledger, lease, now, lambda process: False).granted
        quarantine(ledger, "phone", "too warm")
        record_failure(ledger, "desk", "link lost")
        done = NightRecord("desks", "2026-11-20", "2026-11-20T22:00:00+00:00", "", 8, "2026-11-20T23:00:00+00:00", 8)
        record_night(ledger, done)
        record_night(ledger, replace(done, at="2026-11-21", finished_utc=None, finished_sessions=5, failed_sessions=1))
    return path


def samples(path: Path, lab: Lab = LAB) -> dict[tuple[str, ...], float]:
    """(name without its beginning, values of its labels) -> value."""
    found: Iterable[Sample] = farm_samples(lab, path, NOW)
    known = {}
    for sample in found:
        metric = METRICS[sample.name]
        assert metric.source == LIVE
        assert [name for name, _ in sample.labels] == list(metric.labels)
        known[sample.name.removeprefix("earshot_"), *(value for _, value in sample.labels)] = sample.value
    return known


def test_devices_leases_and_health(path: Path) -> None:
    found = samples(path)
    assert [found["devices", state] for state in ("free", "held", "quarantined")] == [2, 1, 1], "and this machine"
    assert [found["lease_held", name] for name in NAMES] == [0, 1, 1]
    assert [found["device_quarantined", name] for name in NAMES] == [0, 0, 1]
    assert (found["device_up", "bench"], found["device_up", "desk"]) == (1, 0)
    assert ("device_up", "phone") not in found, "nobody has reached it yet"
    assert found["sessions_running",] == 1, "a hold by hand is no session"
    assert found["device_info", "bench", "Synthetic Board", "raspberry-pi-5"] == 1
    assert found["device_last_seen_timestamp_seconds", "bench"] == datetime(2026, 3, 1, 22, tzinfo=UTC).timestamp()


def test_the_night_that_runs_and_the_last_good_one(path: Path) -> None:
    found = samples(path)
    assert found["queue_sessions", "desks"] == 2
    assert found["last_night_success_timestamp_seconds", "desks"] == datetime(2026, 11, 20, 23, tzinfo=UTC).timestamp()


def test_the_outbox_of_each_server(path: Path) -> None:
    assert samples(path)["outbox_untold_sessions",] == 4
    with Ledger.open(path) as ledger:
        collect(ledger)
        entries = list(outbox.all_entries(ledger))
        refused = [Refused(entries[0].number, "too-old", "", 10)]
        outbox_targets.delivered(ledger, URL, Delivery(0, entries[1].number, 10, refused), NOW.isoformat())
    found = samples(path)
    assert found["outbox_untold_sessions",] == 0
    assert found["outbox_sent_samples_total", URL] == 10
    assert found["outbox_refused_samples_total", URL, "too-old"] == 10
    assert found["outbox_samples", URL] == sum(entry.samples for entry in entries[2:])
    assert found["outbox_oldest_timestamp_seconds", URL] == entries[2].at_ms / 1000


def test_a_session_that_nobody_pushed_counts_as_waiting(path: Path) -> None:
    with Ledger.open(path) as ledger:
        collect(ledger)
        last = max(entry.number for entry in outbox.all_entries(ledger))
        outbox_targets.delivered(ledger, URL, Delivery(0, last, 60), NOW.isoformat())
    assert ("outbox_oldest_timestamp_seconds", URL) not in samples(path)
    with Ledger.open(path) as ledger:
        add_night(ledger, 1, [2.0], ["c"])
    assert samples(path)["outbox_oldest_timestamp_seconds", URL] == datetime(2026, 3, 2, 22, tzinfo=UTC).timestamp()


def test_a_lab_without_a_ledger_is_there(tmp_path: Path) -> None:
    found = samples(tmp_path / "ledger.db")
    assert found["devices", "free"] == 4, "and this machine"
    assert not [name for name, *_ in found if name.startswith("outbox")]
    assert not (tmp_path / "ledger.db").exists()
