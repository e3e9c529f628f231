"""The farm's open jobs of a site's queues, copied into the site's ledger: what it works from while the farm is away."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, case, delete, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from orchestrator.domain.job import DONE, ENDED, FAILED, OPEN, READY, RUNNING, WAITING, JobState
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import JobRow, NeedRow, OrderRow, SnapshotQueueRow, SnapshotRow, WorkerRow
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rows import Values
from orchestrator.ledger.tables import Table
from orchestrator.ledger.workers import lost_workers

SCOPE = "farm snapshot"
# Statements name so many ids at a time: databases have a limit of parameters.
_BATCH = 500
# Clocks that differ by less are one clock.
_SAME_CLOCK_S = 2.0


@dataclass(frozen=True)
class Snapshot:
    """``jobs``: open ones that the site has now. ``changed``: of them and of those that vanished."""

    jobs: int
    changed: int


def refresh(site: Ledger, farm: Ledger, queues: Sequence[str], place: str) -> Snapshot:
    """What is open in these queues of the farm, with what it needs; what is not open there any more vanishes here.

    What a worker at this ``place`` has begun there is open here: it may be cut off while it runs. What another worker
    has begun is that one's. How a job ended here stays until it is settled (settle.py). Where nothing changed, it
    costs one look at the farm. Times are told by this host's clock.
    """
    with farm.snapshot() as connection:
        ahead_s = time.time() - database.now_s(connection)
        now = _likenesses(connection, queues, place)
        before = _likenesses_before(site)
        changed = [queue for queue in {**before, **now} if now.get(queue) != before.get(queue)]
        have = _copied(site, changed)
        served = [queue for queue in changed if queue in now]
        found = _look(connection, served, place, have) if changed else None
    with site.transaction(SCOPE) as connection:
        count = _apply(connection, found, have, ahead_s) if found else 0
        _note(connection, now)
        open_ = select(func.count()).select_from(SnapshotRow).join(JobRow, JobRow.job_id == SnapshotRow.job_id)
        return Snapshot(connection.execute(open_.where(JobRow.state.in_(OPEN))).scalar_one(), count)


def postpone(site: Ledger, begun: JobState, reason: str) -> None:
    """What was begun here and needs the farm waits until it is compared with it again."""
    mine = (JobRow.job_id == begun.job.job_id, JobRow.state == RUNNING, JobRow.fence == begun.fence)
    with site.transaction(f"job {begun.job.job_id}") as connection:
        connection.execute(update(JobRow).where(*mine).values(state=WAITING, reason=reason))
        forgotten = update(SnapshotQueueRow).where(SnapshotQueueRow.queue == begun.job.queue)
        connection.execute(forgotten.values(likeness=""))


def taken_utc_s(site: Ledger) -> float | None:
    """When the site's snapshot was compared with the farm last, seconds since 1970; None: it has none."""
    oldest: float | None = site.fetch(select(func.min(SnapshotQueueRow.at_utc_s)))[0][0]
    return oldest


def _likenesses(connection: Connection, queues: Sequence[str], place: str) -> dict[str, str]:
    """What changes with every change of a queue's open jobs, as text."""
    ours = case((_free(place, database.now_s(connection)), 1), else_=0)
    counted = (
        select(
            JobRow.queue,
            JobRow.state,
            func.count(),
            func.max(JobRow.submitted_utc_s),
            func.sum(JobRow.submitted_utc_s),
            func.sum(JobRow.fence),
            func.sum(JobRow.cancelling),
            func.sum(ours),
        )
        .where(JobRow.queue.in_(queues), JobRow.state.in_(OPEN))
        .group_by(JobRow.queue, JobRow.state)
        .order_by(JobRow.queue, JobRow.state)
    )
    told: dict[str, list[list[object]]] = {queue: [] for queue in queues}
    for row in connection.execute(counted):
        told[row.queue].append([str(value) for value in row[1:]])
    return {queue: json.dumps(rows) for queue, rows in told.items()}


def _likenesses_before(site: Ledger) -> dict[str, str]:
    return {row.queue: row.likeness for row in site.fetch(select(SnapshotQueueRow.__table__))}


def free_workers(place: str, now_s: float) -> Select[str]:
    """Ids of those whose jobs may be begun at this ``place``: its own, and those that are lost."""
    return select(WorkerRow.worker_id).where(
        or_(WorkerRow.place == place, WorkerRow.worker_id.in_(lost_workers(now_s)))
    )


def _free(place: str, now_s: float) -> ColumnElement[bool]:
    return (JobRow.state == RUNNING) & JobRow.worker_id.in_(free_workers(place, now_s))


@dataclass(frozen=True)
class _Copied:
    """A job as the site's ledger has it. ``kept``: it ended here, and the farm does not know."""

    fence: int
    state: str
    submitted_utc_s: float
    kept: bool


def _copied(site: Ledger, queues: Sequence[str]) -> dict[str, _Copied]:
    columns = (SnapshotRow.job_id, SnapshotRow.fence, SnapshotRow.settled, JobRow.state, JobRow.submitted_utc_s)
    wanted = select(*columns).join(JobRow, JobRow.job_id == SnapshotRow.job_id).where(JobRow.queue.in_(queues))
    return {
        row.job_id: _Copied(row.fence, row.state, row.submitted_utc_s, row.state in (DONE, FAILED) and not row.settled)
        for row in site.fetch(wanted)
    }


@dataclass(frozen=True)
class _Found:
    """What the farm has of the queues that changed: ``fences`` of all that is wanted, rows of what is new."""

    fences: Mapping[str, int]
    jobs: Sequence[Values]
    needed: Sequence[Values]
    needs: Sequence[Values]
    orders: Sequence[Values]


def _look(connection: Connection, queues: Sequence[str], place: str, have: Mapping[str, _Copied]) -> _Found:
    now_s = database.now_s(connection)
    wanted = or_(JobRow.state.in_((WAITING, READY)), _free(place, now_s) & (JobRow.cancelling == 0))
    columns = (JobRow.job_id, JobRow.fence, JobRow.state, JobRow.submitted_utc_s)
    seen = connection.execute(select(*columns).where(JobRow.queue.in_(queues), wanted)).all()
    new = [row.job_id for row in seen if not _same(have.get(row.job_id), row.fence, row.state, row.submitted_utc_s)]
    jobs = [_opened(row) for row in _rows(connection, JobRow, JobRow.job_id, new)]
    needs = _rows(connection, NeedRow, NeedRow.job_id, new)
    fences = {row.job_id: row.fence for row in seen}
    others = sorted({need["needs"] for need in needs} - set(fences))
    needed = [_closed(row) for row in _rows(connection, JobRow, JobRow.job_id, others)]
    order_ids = sorted({row["order_id"] for row in (*jobs, *needed)})
    return _Found(fences, jobs, needed, needs, _rows(connection, OrderRow, OrderRow.order_id, order_ids))


def _same(here: _Copied | None, fence: int, state: str, submitted_utc_s: float) -> bool:
    if here is None:
        return False
    opened = WAITING if state == WAITING else READY
    return here.kept or (here.fence, here.state, here.submitted_utc_s) == (fence, opened, submitted_utc_s)


def _opened(row: Values) -> Values:
    """As it can be begun here."""
    state = WAITING if row["state"] == WAITING else READY
    return {**row, "state": state, "worker_id": None, "cancelling": 0}


def _closed(row: Values) -> Values:
    """Of another queue: here it waits for ever, unless it has ended."""
    return row if row["state"] in ENDED else {**row, "state": WAITING, "worker_id": None}


def _apply(connection: Connection, found: _Found, have: Mapping[str, _Copied], ahead_s: float) -> int:
    new = {row["job_id"] for row in found.jobs}
    gone = [job_id for job_id, copied in have.items() if job_id not in found.fences and not copied.kept]
    for ids in _batches([*gone, *new]):
        connection.execute(delete(NeedRow).where(NeedRow.job_id.in_(ids)))
        connection.execute(delete(SnapshotRow).where(SnapshotRow.job_id.in_(ids)))
    _put(connection, OrderRow, found.orders)
    _put(connection, JobRow, [_by_our_clock(row, ahead_s) for row in (*found.needed, *found.jobs)])
    _put(connection, NeedRow, found.needs)
    _put(
        connection,
        SnapshotRow,
        [{"job_id": job_id, "fence": found.fences[job_id], "settled": 0} for job_id in sorted(new)],
    )
    _sweep(connection)
    return len(new) + len(gone)


def _by_our_clock(row: Values, ahead_s: float) -> Values:
    if abs(ahead_s) < _SAME_CLOCK_S:
        return row
    deadline = row["deadline_utc_s"]
    moved = None if deadline is None else deadline + ahead_s
    return {**row, "deadline_utc_s": moved, "not_before_utc_s": row["not_before_utc_s"] + ahead_s}


def _sweep(connection: Connection) -> None:
    """Jobs that no queue has and none needs, and orders without a job."""
    kept = select(SnapshotRow.job_id).union_all(select(NeedRow.needs))
    connection.execute(delete(JobRow).where(JobRow.job_id.not_in(kept)))
    connection.execute(delete(OrderRow).where(OrderRow.order_id.not_in(select(JobRow.order_id))))


def _note(connection: Connection, likenesses: Mapping[str, str]) -> None:
    now_s = time.time()
    connection.execute(delete(SnapshotQueueRow))
    rows = [{"queue": queue, "at_utc_s": now_s, "likeness": told} for queue, told in likenesses.items()]
    if rows:
        connection.execute(insert(SnapshotQueueRow), rows)


def _put(connection: Connection, table: type[Table], rows: Iterable[Values]) -> None:
    for row in rows:
        database.insert_or_replace(connection, table, row)


def _rows(
    connection: Connection, table: type[Table], column: InstrumentedAttribute[str], ids: Sequence[str]
) -> list[Values]:
    found: list[Values] = []
    for some in _batches(ids):
        rows = connection.execute(select(table.__table__).where(column.in_(some))).mappings()
        found += [dict(row) for row in rows]
    return found


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
