"""Whose turn it is: a job is begun under a fence, and ended only by whoever has the newest."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Float, String, bindparam, case, func, select, update

from orchestrator.domain.fair_share import WINDOW_S, Turn, next_turn
from orchestrator.domain.job import CANCELLED, EXPIRED, FAILED, READY, RUNNING, JobState, Outcome, device_of
from orchestrator.ledger import database
from orchestrator.ledger.farm_tables import JobRow, NeedRow, OrderRow
from orchestrator.ledger.job_ends import done, end
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import state_of
from orchestrator.ledger.rows import AnyRow
from orchestrator.ledger.workers import lost_workers

# What was begun so often and never ended ends its workers, not the other way round.
MOST_ATTEMPTS = 5
# Until one that may go well another time is tried again, times its attempts.
PAUSE_S = 15.0
# Statements name so many queues at a time: databases have a limit of parameters.
_BATCH = 1000

# Made once: making them takes as long as executing them, and a thousand devices execute a hundred a second.
_JOB, _QUEUE, _NOW = (
    bindparam("the_job", type_=String),
    bindparam("the_queue", type_=String),
    bindparam("now_s", type_=Float),
)
_RUNNING_OR_LATE = select(
    JobRow.job_id,
    JobRow.state,
    JobRow.attempts,
    JobRow.fence,
    JobRow.cancelling,
    case((JobRow.worker_id.in_(lost_workers(_NOW)), 1), else_=0).label("lost"),
).where(JobRow.queue == _QUEUE, (JobRow.state == RUNNING) | ((JobRow.state == READY) & (JobRow.deadline_utc_s < _NOW)))
# Of each order, the one whose turn it is: a queue may hold thousands.
_HERE = (JobRow.queue == _QUEUE, JobRow.state == READY, JobRow.not_before_utc_s <= _NOW)
_FIRST = (
    select(JobRow.order_id, func.min(JobRow.position).label("position"))
    .where(*_HERE)
    .group_by(JobRow.order_id)
    .subquery()
)
_FIRST_OF_ORDERS = (
    select(
        *(JobRow.job_id, JobRow.order_id, JobRow.user, JobRow.priority, JobRow.deadline_utc_s, JobRow.position),
        OrderRow.submitted_utc_s,
    )
    .join(_FIRST, (_FIRST.c.order_id == JobRow.order_id) & (_FIRST.c.position == JobRow.position))
    .join(OrderRow, OrderRow.order_id == JobRow.order_id)
    .where(*_HERE)
)
_BEGUN = (
    update(JobRow)
    .where(JobRow.job_id == _JOB, JobRow.state == READY)
    .values(
        state=RUNNING,
        worker_id=bindparam("the_worker"),
        fence=JobRow.fence + 1,
        attempts=JobRow.attempts + 1,
        started_utc_s=_NOW,
        finished_utc_s=None,
        cancelling=0,
    )
    .returning(*JobRow.__table__.columns)
)
_NEEDS = select(NeedRow.needs).where(NeedRow.job_id == _JOB).order_by(NeedRow.needs)
_LOCKED = select(JobRow.__table__).where(JobRow.job_id == _JOB).with_for_update()


def claim(ledger: Ledger, queue: str, worker_id: str) -> JobState | None:
    """The queue's next job, begun by this worker; None where none is ready, or where a device is busy with one.

    What a lost worker had begun is ready again; what is past its deadline has expired.
    """
    with ledger.transaction(f"queue {queue}") as connection:
        now_s = database.now_s(connection)
        if _busy(connection, queue, now_s) and device_of(queue) is not None:
            return None
        ready = _ready(connection, queue, now_s)
        # Between the jobs of one order nothing else decides: it is told which of them is first.
        several = len(ready) > 1
        used_s = _used_s(connection, queue, now_s) if several else {}
        turn = next_turn(ready, used_s, _last(connection, queue) if several else None)
        return _begin(connection, turn.job_id, worker_id, now_s) if turn else None


def _busy(connection: Connection, queue: str, now_s: float) -> bool:
    """Whether a job of it runs, once those of lost workers are ready again, and those past their deadline expired."""
    found = connection.execute(_RUNNING_OR_LATE, {"the_queue": queue, "now_s": now_s}).all()
    for row in found:
        if row.state == READY:
            end(connection, row.job_id, EXPIRED, now_s, reason="its deadline passed before it began")
        elif row.lost:
            _take_back(connection, row, now_s)
    return any(row.state == RUNNING and not row.lost for row in found)


def _take_back(connection: Connection, row: AnyRow, now_s: float) -> None:
    if row.cancelling:
        end(connection, row.job_id, CANCELLED, now_s, reason="cancelled while it ran; its worker was lost")
    elif row.attempts >= MOST_ATTEMPTS:
        end(connection, row.job_id, FAILED, now_s, reason=f"begun {row.attempts} times, and no worker ended it")
    else:
        same = (JobRow.job_id == row.job_id, JobRow.state == RUNNING, JobRow.fence == row.fence)
        connection.execute(update(JobRow).where(*same).values(state=READY))


def _ready(connection: Connection, queue: str, now_s: float) -> list[Turn]:
    found = connection.execute(_FIRST_OF_ORDERS, {"the_queue": queue, "now_s": now_s})
    return [
        Turn(r.job_id, r.order_id, r.user, r.priority, r.deadline_utc_s, r.submitted_utc_s, r.position) for r in found
    ]


def _used_s(connection: Connection, queue: str, now_s: float) -> dict[str, float]:
    """Of this queue lately, by user."""
    taken = func.sum(func.coalesce(JobRow.finished_utc_s, now_s) - JobRow.started_utc_s)
    since = (JobRow.queue == queue, JobRow.started_utc_s > now_s - WINDOW_S)
    return {
        row.user: row.s
        for row in connection.execute(select(JobRow.user, taken.label("s")).where(*since).group_by(JobRow.user))
    }


def _last(connection: Connection, queue: str) -> str | None:
    begun = select(JobRow.order_id).where(JobRow.queue == queue, JobRow.started_utc_s.is_not(None))
    return connection.execute(begun.order_by(JobRow.started_utc_s.desc()).limit(1)).scalar_one_or_none()


def _begin(connection: Connection, job_id: str, worker_id: str, now_s: float) -> JobState | None:
    """None where it was cancelled since it was looked at."""
    begun = connection.execute(_BEGUN, {"the_job": job_id, "the_worker": worker_id, "now_s": now_s}).one_or_none()
    if begun is None:
        return None
    needs = connection.execute(_NEEDS, {"the_job": job_id}).scalars()
    return state_of(begun, tuple(needs))


def finish(ledger: Ledger, begun: JobState, outcome: Outcome, *, pause_s: float = PAUSE_S) -> list[str] | None:
    """Queues in which a job became ready by it (its own where it is tried again). None: somebody else has begun it
    since, or it was ended: this outcome counts for nothing. ``pause_s``: until it is tried again, times its attempts.
    """
    job = begun.job
    with ledger.transaction(f"job {job.job_id}") as connection:
        now_s = database.now_s(connection)
        if outcome.reason is None:
            return done(connection, job.job_id, begun.fence, now_s, outcome.result)
        row = connection.execute(_LOCKED, {"the_job": job.job_id}).one()
        if row.state != RUNNING or row.fence != begun.fence:
            return None
        if row.cancelling:
            return end(connection, job.job_id, CANCELLED, now_s, reason=outcome.reason, result=outcome.result)
        if not outcome.again or row.attempts >= MOST_ATTEMPTS:
            return end(connection, job.job_id, FAILED, now_s, reason=outcome.reason, result=outcome.result)
        later = {"state": READY, "not_before_utc_s": now_s + pause_s * row.attempts, "reason": outcome.reason}
        connection.execute(update(JobRow).where(JobRow.job_id == job.job_id).values(**later, finished_utc_s=now_s))
        return [job.queue]


def give_back(ledger: Ledger, begun: JobState) -> bool:
    """It was begun, and its worker has to end before it could do anything of it: as if it had not been."""
    with ledger.transaction(f"job {begun.job.job_id}") as connection:
        return _return(connection, begun.job.job_id, begun.fence)


def _return(connection: Connection, job_id: str, fence: int) -> bool:
    mine = (JobRow.job_id == job_id, JobRow.state == RUNNING, JobRow.fence == fence)
    found = connection.execute(select(JobRow.cancelling).where(*mine).with_for_update()).one_or_none()
    if found is not None and found.cancelling:
        end(connection, job_id, CANCELLED, database.now_s(connection), reason="cancelled while it ran")
    elif found is not None:
        values = {"state": READY, "attempts": JobRow.attempts - 1, "started_utc_s": None}
        connection.execute(update(JobRow).where(*mine).values(**values))
    return found is not None


def return_unknown(ledger: Ledger, worker_id: str, known: Callable[[str, str], bool]) -> None:
    """As ``give_back`` for those of this worker's running jobs that it does not know of: ``known`` (queue, job id)."""
    mine = (JobRow.worker_id == worker_id, JobRow.state == RUNNING)
    found = ledger.fetch(select(JobRow.job_id, JobRow.queue, JobRow.fence).where(*mine))
    for row in [row for row in found if not known(row.queue, row.job_id)]:
        with ledger.transaction(f"job {row.job_id}") as connection:
            _return(connection, row.job_id, row.fence)


def asked_to_end(ledger: Ledger, worker_id: str) -> frozenset[str]:
    """Ids of this worker's running jobs that somebody cancelled."""
    mine = select(JobRow.job_id).where(JobRow.worker_id == worker_id, JobRow.state == RUNNING, JobRow.cancelling == 1)
    return frozenset(row.job_id for row in ledger.fetch(mine))


@dataclass(frozen=True)
class Load:
    """How many jobs of a queue could begin now (those of lost workers too), how many later, and how many run."""

    ready: int = 0
    later: int = 0
    running: int = 0

    @property
    def idle(self) -> bool:
        return not (self.ready or self.later or self.running)


def loads(ledger: Ledger, queues: Sequence[str] | None = None) -> dict[str, Load]:
    """Of those of ``queues`` that are not idle; None: of all, which takes a third of a second where 10,000 have 20."""
    with ledger.snapshot() as connection:
        now_s = database.now_s(connection)
        runs = JobRow.state == RUNNING
        free = case(
            (runs & JobRow.worker_id.in_(lost_workers(now_s)), "ready"),
            (runs, "running"),
            (JobRow.not_before_utc_s <= now_s, "ready"),
            else_="later",
        )
        counted = select(JobRow.queue, free.label("free"), func.count().label("n")).group_by(JobRow.queue, free)
        open_ = counted.where(JobRow.state.in_((READY, RUNNING)))
        found: dict[str, dict[str, int]] = {}
        for some in [open_] if queues is None else [open_.where(JobRow.queue.in_(names)) for names in _batches(queues)]:
            for row in connection.execute(some):
                found.setdefault(row.queue, {})[row.free] = row.n
    return {queue: Load(**counts) for queue, counts in found.items()}


def _batches(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _BATCH] for start in range(0, len(names), _BATCH))


def ready_by_queue(ledger: Ledger) -> dict[str, int]:
    """How many jobs could begin, by queue: also those of lost workers."""
    return {queue: load.ready for queue, load in loads(ledger).items() if load.ready}
