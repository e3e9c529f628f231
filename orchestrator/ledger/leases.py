"""Leases of devices: one row per device, the newest lease. All controllers of a ledger meet here."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select, update

from agents.uptime import Moment
from orchestrator.domain.lease import Lease
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rows import AnyRow, Values
from orchestrator.ledger.tables import LeaseRow

_MOST_UNKNOWN = 8
# Whether the process that this text identifies is known to have ended.
Gone = Callable[[str], bool]


@dataclass(frozen=True)
class Grant:
    """``lease`` is the new one where ``granted``, else the one in the way. ``before`` was there until now."""

    granted: bool
    lease: Lease
    before: Lease | None


def acquire(ledger: Ledger, wanted: Lease, at: Moment, gone: Gone, *, force: bool = False) -> Grant:
    """Give ``wanted.device`` to ``wanted`` unless another lease holds, with a token higher than any before.

    A lease whose process is gone holds no longer, nor does one that was not heard of for its time.
    """
    with ledger.transaction() as connection:
        before = _lease(connection, wanted.device)
        if before is not None and not force and before.holds(at) and not (before.process and gone(before.process)):
            return Grant(False, before, before)
        token = max(wanted.token, before.token + 1 if before else 1)
        lease = replace(wanted, token=token, on_device=_may_be_known(before))
        connection.execute(delete(LeaseRow).where(LeaseRow.device == lease.device))
        connection.execute(insert(LeaseRow).values(_values(lease)))
    return Grant(True, lease, before)


def _may_be_known(before: Lease | None) -> tuple[str, ...]:
    """The last one that the device is known to have granted, and those since of which nobody can tell: a controller
    may have been killed while it asked.
    """
    return tuple(dict.fromkeys((*before.on_device[-_MOST_UNKNOWN:], before.lease_id))) if before else ()


def beat(ledger: Ledger, lease: Lease, at: Moment, ttl_s: float | None = None) -> bool:
    """The holder is alive, and wants ``ttl_s`` from now on where given; False where the lease is over or another's."""
    heard: Values = {"heard_boot_id": at.boot_id, "heard_uptime_s": at.uptime_s, "heard_utc_s": at.utc_s}
    return _change(ledger, lease, heard if ttl_s is None else {**heard, "ttl_s": ttl_s})


def granted_on_device(ledger: Ledger, lease: Lease, token: int) -> bool:
    """The device knows of the lease, under ``token``; False where the lease is another's by now."""
    return _change(ledger, lease, {"on_device": lease.lease_id, "token": token})


def release(ledger: Ledger, lease: Lease) -> bool:
    """Give the device back; False where it was another's by now. The row stays: the next token is higher."""
    return _change(ledger, lease, {"released": 1})


def _change(ledger: Ledger, lease: Lease, values: Values) -> bool:
    mine = (LeaseRow.device == lease.device, LeaseRow.lease_id == lease.lease_id, LeaseRow.released == 0)
    with ledger.transaction() as connection:
        return connection.execute(update(LeaseRow).where(*mine).values(values)).rowcount == 1


def lease_of(ledger: Ledger, device: str) -> Lease | None:
    """The newest lease of the device, also one that is over."""
    return leases(ledger).get(device)


def leases(ledger: Ledger) -> dict[str, Lease]:
    """The newest lease of each device that ever had one, also those that are over."""
    return {row.device: _of(row) for row in ledger.fetch(select(LeaseRow.__table__))}


def _lease(connection: Connection, device: str) -> Lease | None:
    row = connection.execute(select(LeaseRow.__table__).where(LeaseRow.device == device)).one_or_none()
    return None if row is None else _of(row)


def _values(lease: Lease) -> Values:
    return {
        "device": lease.device,
        "lease_id": lease.lease_id,
        "token": lease.token,
        "holder": lease.holder,
        "process": lease.process,
        "purpose": lease.purpose,
        "acquired_utc": lease.acquired_utc,
        "heard_boot_id": lease.heard.boot_id,
        "heard_uptime_s": lease.heard.uptime_s,
        "heard_utc_s": lease.heard.utc_s,
        "ttl_s": lease.ttl_s,
        "released": int(lease.released),
        "on_device": " ".join(lease.on_device) or None,
    }


def _of(row: AnyRow) -> Lease:
    return Lease(
        device=row.device,
        lease_id=row.lease_id,
        token=row.token,
        holder=row.holder,
        process=row.process,
        purpose=row.purpose,
        acquired_utc=row.acquired_utc,
        heard=Moment(row.heard_boot_id, row.heard_uptime_s, row.heard_utc_s),
        ttl_s=row.ttl_s,
        released=bool(row.released),
        on_device=tuple((row.on_device or "").split()),
    )
