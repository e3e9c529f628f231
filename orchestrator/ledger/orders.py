"""Orders and their jobs: submitted, looked at, cancelled. Who does them and when: job_turns.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from orchestrator.domain.job import CANCELLED, DONE, READY, RUNNING, WAITING, Job, JobState
from orchestrator.errors import LedgerError
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import JobRow, NeedRow, OrderRow
from orchestrator.ledger.job_ends import end
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rows import AnyRow, Values

# Of what is submitted and cancelled. Claims have a scope for each queue, and ends one for each job.
_SCOPE = "farm orders"
# Statements name so many ids at a time: databases have a limit of parameters.
_BATCH = 500


@dataclass(frozen=True)
class Order:
    """``title`` in a few words for people; ``record``: what its jobs have in common, as JSON."""

    order_id: str
    user: str
    kind: str
    title: str
    record: dict[str, Any] = field(default_factory=dict)
    submitted_utc_s: float = 0.0


def submit(ledger: Ledger, order: Order, jobs: Sequence[Job]) -> list[str]:
    """Ids of the jobs that are new, in their order; all or none are recorded.

    A job that is known is not done again: done it stays as it is, ended in another way it is begun anew under this
    order. One that is open stays the order's that it was, and is as urgent, and may begin as late, as either wants it.
    Raises LedgerError for a job that needs one that nobody knows.
    """
    with ledger.transaction(_SCOPE) as connection:
        now_s = database.now_s(connection)
        values = {name: getattr(order, name) for name in ("order_id", "user", "kind", "title", "record")}
        connection.execute(insert(OrderRow).values(**values, submitted_utc_s=now_s))
        known = _states(connection, {job.job_id for job in jobs} | {need for job in jobs for need in job.needs})
        new = [job for job in jobs if known.get(job.job_id) not in (WAITING, READY, RUNNING, DONE)]
        again = [job.job_id for job in new if job.job_id in known]
        for ids in _batches(again):
            connection.execute(delete(NeedRow).where(NeedRow.job_id.in_(ids)))
        _require_known(new, known, jobs)
        states = known | dict.fromkeys((job.job_id for job in new), WAITING)
        fresh = [_values(job, states, now_s) for job in new]
        for row in fresh:
            if row["job_id"] in known:
                # Its fence goes on growing: whoever began it before may not know that it has ended.
                anew = {name: value for name, value in row.items() if name != "fence"}
                connection.execute(update(JobRow).where(JobRow.job_id == row["job_id"]).values(anew))
        for job in jobs:
            if known.get(job.job_id) in (WAITING, READY):
                _wanted_too(connection, job)
        _insert(connection, JobRow, [row for row in fresh if row["job_id"] not in known])
        _insert(connection, NeedRow, [{"job_id": job.job_id, "needs": need} for job in new for need in job.needs])
    return [job.job_id for job in new]


def _wanted_too(connection: Connection, job: Job) -> None:
    same = JobRow.job_id == job.job_id
    urgent = update(JobRow).where(same, JobRow.priority < job.priority)
    connection.execute(urgent.values(priority=job.priority))
    late = (
        JobRow.deadline_utc_s.is_not(None) if job.deadline_utc_s is None else JobRow.deadline_utc_s < job.deadline_utc_s
    )
    connection.execute(update(JobRow).where(same, late).values(deadline_utc_s=job.deadline_utc_s))


def _require_known(new: Sequence[Job], known: dict[str, str], jobs: Sequence[Job]) -> None:
    mine = {job.job_id for job in jobs}
    for job in new:
        unknown = [need for need in job.needs if need not in known and need not in mine]
        if unknown:
            raise LedgerError(f"job {job.job_id} needs {', '.join(unknown)}, which nobody submitted")


def _values(job: Job, states: dict[str, str], now_s: float) -> Values:
    waits = any(states[need] != DONE for need in job.needs)
    names = ("job_id", "order_id", "kind", "queue", "user", "position", "priority", "deadline_utc_s", "payload")
    return {
        **{name: getattr(job, name) for name in names},
        "state": WAITING if waits else READY,
        "submitted_utc_s": now_s,
        "not_before_utc_s": 0.0,
        "attempts": 0,
        "fence": 0,
        "worker_id": None,
        "started_utc_s": None,
        "finished_utc_s": None,
        "cancelling": 0,
        "reason": None,
        "result": None,
    }


def cancel(ledger: Ledger, job_ids: Iterable[str], reason: str) -> dict[str, str]:
    """What became of each that was open: ``cancelled``, or ``running``: its worker was asked to end it."""
    told = {}
    with ledger.transaction(_SCOPE) as connection:
        for ids in _batches(list(job_ids)):
            connection.execute(
                update(JobRow).where(JobRow.job_id.in_(ids), JobRow.state == RUNNING).values(cancelling=1)
            )
            open_ = select(JobRow.job_id, JobRow.state).where(
                JobRow.job_id.in_(ids), JobRow.state.in_((WAITING, READY, RUNNING))
            )
            for row in connection.execute(open_).all():
                told[row.job_id] = RUNNING if row.state == RUNNING else CANCELLED
                if row.state != RUNNING:
                    end(connection, row.job_id, CANCELLED, database.now_s(connection), reason=reason)
    return told


def order(ledger: Ledger, order_id: str) -> Order | None:
    found = ledger.fetch(select(OrderRow.__table__).where(OrderRow.order_id == order_id))
    return _order_of(found[0]) if found else None


def orders(ledger: Ledger, limit: int = 1000) -> list[Order]:
    """The newest ones, newest first."""
    newest = select(OrderRow.__table__).order_by(OrderRow.submitted_utc_s.desc(), OrderRow.order_id).limit(limit)
    return [_order_of(row) for row in ledger.fetch(newest)]


def jobs(
    ledger: Ledger,
    *,
    order_id: str | None = None,
    job_ids: Sequence[str] | None = None,
    queues: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
) -> list[JobState]:
    """By order of submission and position. None: of all."""
    wanted = select(JobRow.__table__).order_by(JobRow.submitted_utc_s, JobRow.order_id, JobRow.position, JobRow.job_id)
    for column, values in ((JobRow.job_id, job_ids), (JobRow.queue, queues), (JobRow.state, states)):
        if values is not None:
            wanted = wanted.where(column.in_(values))
    if order_id is not None:
        wanted = wanted.where(JobRow.order_id == order_id)
    with ledger.snapshot() as connection:
        found = list(connection.execute(wanted))
        needs: dict[str, list[str]] = {}
        for ids in _batches([row.job_id for row in found]):
            for row in connection.execute(select(NeedRow.__table__).where(NeedRow.job_id.in_(ids))):
                needs.setdefault(row.job_id, []).append(row.needs)
    return [state_of(row, tuple(sorted(needs.get(row.job_id, ())))) for row in found]


def state_of(row: AnyRow, needs: tuple[str, ...]) -> JobState:
    job = Job(
        row.job_id,
        row.order_id,
        row.kind,
        row.queue,
        row.user,
        row.position,
        row.priority,
        needs,
        row.deadline_utc_s,
        row.payload,
    )
    return JobState(
        job,
        row.state,
        row.submitted_utc_s,
        row.attempts,
        row.fence,
        row.worker_id,
        row.started_utc_s,
        row.finished_utc_s,
        row.reason,
        row.result,
    )


def _order_of(row: AnyRow) -> Order:
    return Order(row.order_id, row.user, row.kind, row.title, row.record, row.submitted_utc_s)


def _states(connection: Connection, job_ids: Iterable[str]) -> dict[str, str]:
    """Locked: a job that ends just now has ended, or will see who needs it."""
    found: dict[str, str] = {}
    columns = (JobRow.job_id, JobRow.state)
    for ids in _batches(sorted(job_ids)):
        mine = select(*columns).where(JobRow.job_id.in_(ids)).order_by(JobRow.job_id).with_for_update()
        for row in connection.execute(mine):
            found[row.job_id] = row.state
    return found


def _insert(connection: Connection, table: type[JobRow] | type[NeedRow], values: list[Values]) -> None:
    if values:
        connection.execute(insert(table), values)


def _batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
