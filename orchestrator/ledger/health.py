"""The health of devices: failures in a row, quarantine, and the log of both."""

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from orchestrator.domain.health import QUARANTINE_AFTER, Health, HealthEvent
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.tables import HealthEventRow, HealthRow


def record_failure(ledger: Ledger, device: str, detail: str) -> Health:
    """A failure that is the device's. The ``QUARANTINE_AFTER``-th in a row puts it into quarantine."""
    with ledger.transaction() as connection:
        before = _health(connection, device)
        _log(connection, device, "failure", detail)
        failures = before.failures + 1
        after = Health(device, failures, before.quarantined_utc, before.reason)
        if failures >= QUARANTINE_AFTER and not before.quarantined:
            after = _quarantined(connection, device, failures, f"{failures} failures in a row, the last one: {detail}")
        _put(connection, after)
    return after


def record_success(ledger: Ledger, device: str) -> None:
    """A good session ends the row of failures. It ends no quarantine: that takes a look at the device."""
    if not health_of(ledger, device).failures:
        return
    with ledger.transaction() as connection:
        before = _health(connection, device)
        _put(connection, Health(device, 0, before.quarantined_utc, before.reason))


def quarantine(ledger: Ledger, device: str, reason: str) -> Health:
    """Put it into quarantine now; one that is there already keeps its first reason."""
    with ledger.transaction() as connection:
        before = _health(connection, device)
        if before.quarantined:
            return before
        after = _quarantined(connection, device, before.failures, reason)
        _put(connection, after)
    return after


def release_quarantine(ledger: Ledger, device: str, evidence: str) -> bool:
    """Back among the others, because of ``evidence`` (a passed doctor, or someone's word); False where it was not in
    quarantine. The row of failures starts anew either way.
    """
    with ledger.transaction() as connection:
        before = _health(connection, device)
        _put(connection, Health(device))
        if before.quarantined:
            _log(connection, device, "release", evidence)
    return before.quarantined


def log(ledger: Ledger, device: str, kind: str, detail: str) -> None:
    """One line into the device's log; ``kind`` is one of ``orchestrator.domain.health.KINDS``."""
    with ledger.transaction() as connection:
        _log(connection, device, kind, detail)


def health_of(ledger: Ledger, device: str) -> Health:
    return health(ledger).get(device, Health(device))


def health(ledger: Ledger) -> dict[str, Health]:
    """Of each device of which something is known."""
    return {row.device: Health(*row) for row in ledger.fetch(select(HealthRow.__table__))}


def events(ledger: Ledger, device: str, limit: int = 20) -> list[HealthEvent]:
    """The newest ones, oldest first."""
    newest = select(HealthEventRow.__table__).where(HealthEventRow.device == device)
    found = ledger.fetch(newest.order_by(HealthEventRow.number.desc()).limit(limit))
    return [HealthEvent(row.device, row.at_utc, row.kind, row.detail) for row in reversed(found)]


def _quarantined(connection: Connection, device: str, failures: int, reason: str) -> Health:
    _log(connection, device, "quarantine", reason)
    return Health(device, failures, _now_utc(), reason)


def _health(connection: Connection, device: str) -> Health:
    row = connection.execute(select(HealthRow.__table__).where(HealthRow.device == device)).one_or_none()
    return Health(*row) if row is not None else Health(device)


def _put(connection: Connection, health: Health) -> None:
    connection.execute(delete(HealthRow).where(HealthRow.device == health.device))
    connection.execute(insert(HealthRow).values(vars(health)))


def _log(connection: Connection, device: str, kind: str, detail: str) -> None:
    event = HealthEvent(device, _now_utc(), kind, detail)
    connection.execute(insert(HealthEventRow).values(vars(event)))


def _now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
