"""Workers of a farm: begun, heard of, lost; and the devices that their sites have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, delete, insert, select, update

from orchestrator.errors import BadInput
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import SiteDeviceRow, WorkerRow
from orchestrator.ledger.ledger import Ledger

# A worker that was not heard of for this long is lost, and what it had begun is another's. Three beats may be late.
WORKER_TTL_S = 60.0
WORKER_BEAT_S = 15.0


@dataclass(frozen=True)
class Worker:
    """``silent_s``: since it was last heard of; longer than ``ttl_s``: it is lost. ``ended``: it said so, or another
    took its place.
    """

    worker_id: str
    site: str
    place: str
    started_utc_s: float
    silent_s: float
    ended: bool
    record: dict[str, Any] = field(default_factory=dict)
    ttl_s: float = WORKER_TTL_S

    @property
    def alive(self) -> bool:
        return not self.ended and self.silent_s <= self.ttl_s


@dataclass(frozen=True)
class SiteDevice:
    """``record``: what may be asked for by: ``device_model``, ``tags``, ``profile``."""

    device: str
    site: str
    record: dict[str, Any] = field(default_factory=dict)


def begin_worker(
    ledger: Ledger, site: str, place: str, record: Mapping[str, Any], *, ttl_s: float = WORKER_TTL_S
) -> str:
    """Its id. Who was at this ``place`` (site, host, folder: one process at a time) is lost at once."""
    worker_id = uuid4().hex
    with ledger.transaction("farm workers") as connection:
        now_s = database.now_s(connection)
        connection.execute(update(WorkerRow).where(WorkerRow.place == place).values(ended=1))
        times = {"started_utc_s": now_s, "heard_utc_s": now_s, "ttl_s": ttl_s}
        values = {"worker_id": worker_id, "site": site, "place": place, "ended": 0, "record": dict(record)}
        connection.execute(insert(WorkerRow).values(**values, **times))
    return worker_id


def beat_worker(ledger: Ledger, worker_id: str) -> bool:
    """It is alive; False where another has its place by now: it must end."""
    with ledger.transaction(f"worker {worker_id}") as connection:
        mine = (WorkerRow.worker_id == worker_id, WorkerRow.ended == 0)
        now_s = database.now_s(connection)
        return connection.execute(update(WorkerRow).where(*mine).values(heard_utc_s=now_s)).rowcount == 1


def end_worker(ledger: Ledger, worker_id: str) -> None:
    with ledger.transaction(f"worker {worker_id}") as connection:
        connection.execute(update(WorkerRow).where(WorkerRow.worker_id == worker_id).values(ended=1))


def lost_workers(now_s: float | ColumnElement[float]) -> Select[str]:
    """Ids, for the statements of this folder."""
    return select(WorkerRow.worker_id).where((WorkerRow.ended == 1) | (WorkerRow.heard_utc_s + WorkerRow.ttl_s < now_s))


def workers(ledger: Ledger) -> list[Worker]:
    """By site and place, the newest of each place."""
    with ledger.snapshot() as connection:
        now_s = database.now_s(connection)
        found = connection.execute(
            select(WorkerRow.__table__).order_by(WorkerRow.site, WorkerRow.place, WorkerRow.started_utc_s)
        ).all()
    newest = {row.place: row for row in found}
    return [
        Worker(r.worker_id, r.site, r.place, r.started_utc_s, now_s - r.heard_utc_s, bool(r.ended), r.record, r.ttl_s)
        for r in newest.values()
    ]


def announce(ledger: Ledger, site: str, devices: Mapping[str, Mapping[str, Any]]) -> None:
    """These are the site's devices, and no others. Raises BadInput for one that another site has."""
    with ledger.transaction("farm devices") as connection:
        now_s = database.now_s(connection)
        for row in connection.execute(select(SiteDeviceRow.__table__)).all():
            if row.device in devices and row.site != site:
                raise BadInput(
                    f"site {row.site} has a device {row.device!r} already",
                    hint="name it otherwise in one of the lab files: a device's name is its name in the whole farm",
                )
        connection.execute(delete(SiteDeviceRow).where(SiteDeviceRow.site == site))
        for device, record in devices.items():
            values = {"device": device, "site": site, "announced_utc_s": now_s, "record": dict(record)}
            connection.execute(insert(SiteDeviceRow).values(values))


def site_devices(ledger: Ledger) -> list[SiteDevice]:
    """By name."""
    found = ledger.fetch(select(SiteDeviceRow.__table__).order_by(SiteDeviceRow.device))
    return [SiteDevice(row.device, row.site, row.record) for row in found]
