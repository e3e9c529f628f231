"""The newest measurement of a device counts; another device has none of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from agents import wire
from orchestrator.domain.observer import OnOff
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.observer import on_off_of, record_on_off

pytestmark = pytest.mark.usefixtures("both_stores")

FOUND = OnOff(
    device="pi5",
    device_model="raspberry-pi-5",
    at_utc="2026-03-01T09:00:00+00:00",
    agent_sha256="a" * 64,
    on_ms=(2.01, 2.02),
    off_ms=(2.0, 2.0),
    cost=wire.ObserverCost(1.0, 0.98, 0.004, 0.03, 500, 0.002, 1.0, 16_000_000, 16_000_000, 14_000_000),
    chunk_ns=500.0,
)


def test_the_newest_of_a_device_counts(tmp_path: Path) -> None:
    newer = replace(FOUND, at_utc="2026-03-02T09:00:00+00:00", chunk_ns=501.0)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert on_off_of(ledger, "pi5") is None
        record_on_off(ledger, newer)
        record_on_off(ledger, FOUND)
        record_on_off(ledger, replace(FOUND, device="pi4"))
        assert on_off_of(ledger, "pi5") == newer
