"""Heartbeats that come together are written together, and each is told of its own lease."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from agents import uptime
from agents.uptime import Moment
from orchestrator.domain.lease import Lease
from orchestrator.errors import LedgerError
from orchestrator.ledger import leases
from orchestrator.ledger.lease_beats import beat_together
from orchestrator.ledger.ledger import Ledger

pytestmark = pytest.mark.usefixtures("both_stores")
LONG_AGO = Moment("an earlier start", 0.0, 0.0)
COUNT = 60


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def _held(ledger: Ledger, number: int) -> Lease:
    wanted = Lease(f"d{number}", f"lease-{number}", 1, "ada", None, "test", "2026-01-01T00:00:00+00:00", LONG_AGO)
    return leases.acquire(ledger, wanted, uptime.now(), lambda process: True).lease


def _at_once(ledger: Ledger, held: list[Lease]) -> list[bool]:
    told = [False] * len(held)

    def beat(number: int) -> None:
        told[number] = beat_together(ledger, held[number])

    threads = [threading.Thread(target=beat, args=(number,)) for number in range(len(held))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return told


def test_those_that_come_together_take_few_transactions_and_each_is_told_of_its_own(ledger: Ledger) -> None:
    held = [_held(ledger, number) for number in range(COUNT)]
    leases.release(ledger, held[3])
    held[7] = replace(held[7], lease_id="one that was taken over")
    commits: list[object] = []

    def committed(connection: object) -> None:
        commits.append(connection)

    event.listen(Engine, "commit", committed)
    try:
        with ledger.transaction("ledger"):
            # All of them come while another writer is at it.
            beats = threading.Thread(target=lambda: told.append(_at_once(ledger, held)))
            told: list[list[bool]] = []
            beats.start()
            beats.join(1.0)
        beats.join(60)
    finally:
        event.remove(Engine, "commit", committed)
    assert told == [[number not in (3, 7) for number in range(COUNT)]]
    assert len(commits) <= COUNT // 4
    heard = leases.leases(ledger)
    assert heard["d0"].heard.boot_id == uptime.now().boot_id
    assert heard["d7"].heard == LONG_AGO


def test_one_after_another(ledger: Ledger) -> None:
    held = _held(ledger, 0)
    assert beat_together(ledger, held)
    assert beat_together(ledger, held)
    leases.release(ledger, held)
    assert not beat_together(ledger, held)


def test_a_ledger_that_cannot_be_written_is_told_to_each(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    held = _held(ledger, 0)

    def refuses(*_: object) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "transaction", refuses)
        with pytest.raises(LedgerError, match="the disk is full"):
            beat_together(ledger, held)
    assert beat_together(ledger, held)
