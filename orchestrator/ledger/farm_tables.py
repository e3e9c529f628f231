"""Tables of the farm: who ordered what, the jobs of it, who does them, and bytes that travel through the database.

All since schema 7. Times are seconds since 1970 by the database's clock (``database.now_s``): hosts disagree.
"""

from typing import Any

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.ledger.tables import Table


class OrderRow(Table):
    """What somebody submitted, as one thing. ``record``: what its jobs have in common."""

    __tablename__ = "farm_orders"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str]
    kind: Mapped[str]
    title: Mapped[str]
    submitted_utc_s: Mapped[float] = mapped_column(index=True)
    record: Mapped[dict[str, Any]]


class JobRow(Table):
    """``fence`` grows with each beginning. ``not_before_utc_s``: of one that is tried again. ``cancelling``: asked to
    end while it ran.
    """

    __tablename__ = "farm_jobs"
    __table_args__ = (
        Index("farm_jobs_by_queue", "queue", "state", "order_id", "position"),
        Index("farm_jobs_by_start", "queue", "started_utc_s"),
        Index("farm_jobs_by_state", "state", "queue"),
        Index("farm_jobs_by_order", "order_id"),
        Index("farm_jobs_by_worker", "worker_id", "state"),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("farm_orders.order_id"))
    kind: Mapped[str]
    queue: Mapped[str]
    user: Mapped[str]
    position: Mapped[int]
    priority: Mapped[int]
    deadline_utc_s: Mapped[float | None]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    submitted_utc_s: Mapped[float]
    not_before_utc_s: Mapped[float]
    attempts: Mapped[int]
    fence: Mapped[int]
    worker_id: Mapped[str | None]
    started_utc_s: Mapped[float | None]
    finished_utc_s: Mapped[float | None]
    cancelling: Mapped[int]
    reason: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]


class NeedRow(Table):
    """``job_id`` begins when ``needs`` is done."""

    __tablename__ = "farm_needs"

    job_id: Mapped[str] = mapped_column(ForeignKey("farm_jobs.job_id"), primary_key=True)
    needs: Mapped[str] = mapped_column(ForeignKey("farm_jobs.job_id"), primary_key=True, index=True)


class WorkerRow(Table):
    """A process that does jobs. ``place``: site, host and folder; a new process there takes an older one's place.
    ``ttl_s``: one that was silent for longer is lost.
    """

    __tablename__ = "farm_workers"

    worker_id: Mapped[str] = mapped_column(primary_key=True)
    site: Mapped[str]
    place: Mapped[str] = mapped_column(index=True)
    started_utc_s: Mapped[float]
    heard_utc_s: Mapped[float]
    ttl_s: Mapped[float]
    ended: Mapped[int]
    record: Mapped[dict[str, Any]]


class SiteDeviceRow(Table):
    """A device that a site's workers can reach. How they reach it is known there alone."""

    __tablename__ = "farm_devices"

    device: Mapped[str] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(index=True)
    announced_utc_s: Mapped[float]
    record: Mapped[dict[str, Any]]


class BlobPartRow(Table):
    """A piece of a file, where files travel through the database. ``put_utc_s``: when somebody wanted it there last."""

    __tablename__ = "farm_blobs"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    parts: Mapped[int]
    size_bytes: Mapped[int]
    put_utc_s: Mapped[float]
    blob: Mapped[bytes]


class SpoolRow(Table):
    """In a site's ledger: a row of ``kind`` (a table) that was written there and that the farm may not have.

    ``key``: its primary key, as JSON. Written by triggers (spool.py), so that nothing which is recorded can forget it.
    ``refused``: why the farm's ledger does not take it; None: nobody tried, or it was away.
    """

    __tablename__ = "farm_spool"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[str]
    key: Mapped[str]
    at_utc_s: Mapped[float]
    refused: Mapped[str | None]


class SnapshotRow(Table):
    """In a site's ledger: a job copied from the farm. ``fence``: what it was there. ``settled``: the farm knows how it
    ended here.
    """

    __tablename__ = "farm_snapshot_jobs"

    job_id: Mapped[str] = mapped_column(primary_key=True)
    fence: Mapped[int]
    settled: Mapped[int]


class SnapshotQueueRow(Table):
    """In a site's ledger: when a queue was compared with the farm's last, and what it was like then."""

    __tablename__ = "farm_snapshot_queues"

    queue: Mapped[str] = mapped_column(primary_key=True)
    at_utc_s: Mapped[float]
    likeness: Mapped[str]
