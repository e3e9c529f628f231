"""Heartbeats of leases: those that come at about the same time are one transaction.

A worker holds a lease for each of its devices. A thousand of them are 67 heartbeats in a second, and a SQLite file
takes 5 to 10 ms for a commit.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import select, update

from agents import uptime
from orchestrator.domain.lease import Lease
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rows import Values
from orchestrator.ledger.tables import LeaseRow

# Statements name so many leases at a time: databases have a limit of parameters.
_BATCH = 500


@dataclass
class _Asked:
    """``turn`` comes with the answer, or to whoever is to write next. ``held`` and ``error``: once ``answered``."""

    lease: Lease
    turn: threading.Event = field(default_factory=threading.Event)
    answered: bool = False
    held: bool = False
    error: LedgerError | None = None


class _Beats:
    """Of one ledger. One writes at a time, for all who came before it began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Asked] = []
        self._writing = False

    def beat(self, ledger: Ledger, lease: Lease) -> bool:
        asked = _Asked(lease)
        with self._lock:
            self._waiting.append(asked)
            if not self._writing:
                asked.turn.set()
            self._writing = True
        asked.turn.wait()
        if not asked.answered:
            self._write(ledger)
        if asked.error is not None:
            raise LedgerError(asked.error.message, hint=asked.error.hint) from asked.error
        return asked.held

    def _write(self, ledger: Ledger) -> None:
        """By the one that waits for longest: it is among those whom it writes for."""
        with self._lock:
            asked, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        try:
            _answer(ledger, asked)
        finally:
            with self._lock:
                self._writing = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].turn.set()


_LOCK = threading.Lock()
_BEATS: WeakKeyDictionary[Ledger, _Beats] = WeakKeyDictionary()


def beat_together(ledger: Ledger, lease: Lease) -> bool:
    """The holder is alive; False where the lease is over or another's. Raises LedgerError."""
    with _LOCK:
        beats = _BEATS.setdefault(ledger, _Beats())
    return beats.beat(ledger, lease)


def _answer(ledger: Ledger, asked: Sequence[_Asked]) -> None:
    try:
        held = _beat_all(ledger, [each.lease for each in asked])
        for each in asked:
            each.held = each.lease.lease_id in held
    except LedgerError as exc:
        for each in asked:
            each.error = exc
    except BaseException as exc:
        for each in asked:
            each.error = LedgerError(f"a heartbeat was not written: {exc}")
        raise
    finally:
        for each in asked:
            each.answered = True
            each.turn.set()


def _beat_all(ledger: Ledger, leases: Sequence[Lease]) -> set[str]:
    """Ids of those that are held still."""
    at = uptime.now()
    heard: Values = {"heard_boot_id": at.boot_id, "heard_uptime_s": at.uptime_s, "heard_utc_s": at.utc_s}
    devices, ids = [lease.device for lease in leases], [lease.lease_id for lease in leases]
    mine = (LeaseRow.device.in_(devices), LeaseRow.lease_id.in_(ids), LeaseRow.released == 0)
    with ledger.transaction() as connection:
        connection.execute(update(LeaseRow).where(*mine).values(heard))
        return set(connection.execute(select(LeaseRow.lease_id).where(*mine)).scalars())
