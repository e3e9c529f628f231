"""Procrastinate's side of the queue: tickets. One says that a queue has something to do; whoever takes it does that.

What is to do, and in which order, the ledger says: a ticket that is lost or doubled costs seconds, and nothing else.
A device's queue has one ticket that waits at most; it ends when it has woken its taker, who then does job after job.
Another queue has as many as it has jobs, each held while its taker works, so that who is busy takes no other. None has
a lock: the ledger lets a device do one job at a time, and among 1,000 locks Procrastinate looks for the next ticket for
30 ms and more, where it takes 3 ms without.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, String, cast, column, delete, func, inspect, select, table
from sqlalchemy.exc import DBAPIError, OperationalError

from orchestrator.domain.job import device_of
from orchestrator.errors import LedgerError
from orchestrator.ledger import postgres
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.place import Place

if TYPE_CHECKING:
    from procrastinate import App

TASK = "earshot"
# Of what is brought at a time; more is brought at a later look.
_MOST = 32
# A worker that Procrastinate did not hear of for this long is gone (it says so every 10 s).
_STALE_S = 30.0
# PostgreSQL's names, those of NOTIFY's channels among them, have 63 bytes; Procrastinate puts 23 before a queue's.
_NAME_BYTES = 40
# One after another: who issues a ticket has seen which are there.
_SCOPE = "farm tickets"

_JOBS = table("procrastinate_jobs", *map(column, ("id", "queue_name", "status", "worker_id")))
_WORKERS = table("procrastinate_workers", column("id"), column("last_heartbeat"))
_STATUS = cast(_JOBS.c.status, String)


@dataclass(frozen=True)
class Ticket:
    """``name``: of its queue. ``stale``: it is held, and its holder is gone."""

    ticket_id: int
    name: str
    held: bool
    stale: bool


def name_of(queue: str) -> str:
    """What Procrastinate calls a queue."""
    if len(queue.encode()) <= _NAME_BYTES:
        return queue
    return f"{queue[: _NAME_BYTES - 17]}#{hashlib.sha256(queue.encode()).hexdigest()[:16]}"


def prepare(ledger: Ledger) -> None:
    """Procrastinate's tables and functions, where they are not there yet. Raises LedgerError: not allowed to, or
    Procrastinate is not installed.
    """
    app = _app()
    with ledger.snapshot() as connection:
        if inspect(connection).has_table(_JOBS.name):
            return
    # Another worker may have been first: this one waited for it, and looks again.
    with ledger.transaction("schema") as connection, in_our_words(ledger.place):
        if not inspect(connection).has_table(_JOBS.name):
            _driver(connection).execute(app.schema_manager.get_schema())


def issue(ledger: Ledger, ready: Mapping[str, int]) -> None:
    """Tickets for queues that have so much to do, unless they wait there already. Raises LedgerError."""
    from procrastinate.jobs import Job

    with ledger.transaction(_SCOPE) as connection, in_our_words(ledger.place):
        counted = select(_JOBS.c.queue_name, func.count().label("n")).where(_STATUS == "todo")
        waiting = {row.queue_name: row.n for row in connection.execute(counted.group_by(_JOBS.c.queue_name))}
        new = []
        for queue, jobs in ready.items():
            name, once = name_of(queue), device_of(queue) is not None
            ticket = Job(
                queue=name,
                lock=None,
                queueing_lock=name if once else None,
                task_name=TASK,
                task_kwargs={"queue": queue},
            )
            new += [ticket] * ((1 if once else min(jobs, _MOST)) - waiting.get(name, 0))
        if new:
            _app().job_manager.batch_defer_jobs(new, connection=_driver(connection))


def tickets(ledger: Ledger) -> list[Ticket]:
    """All that wait or are held."""
    now = func.clock_timestamp()
    gone = func.coalesce(now - _WORKERS.c.last_heartbeat > func.make_interval(0, 0, 0, 0, 0, 0, _STALE_S), True)
    found = ledger.fetch(
        select(_JOBS.c.id, _JOBS.c.queue_name, _STATUS.label("status"), gone.label("gone"))
        .select_from(_JOBS.outerjoin(_WORKERS, _WORKERS.c.id == _JOBS.c.worker_id))
        .where(_STATUS.in_(("todo", "doing")))
    )
    return [Ticket(row.id, row.queue_name, row.status == "doing", row.status == "doing" and row.gone) for row in found]


def drop(ledger: Ledger, ticket_ids: Iterable[int]) -> None:
    """Tickets that are of no use any more."""
    with ledger.transaction(_SCOPE) as connection:
        connection.execute(delete(_JOBS).where(_JOBS.c.id.in_(list(ticket_ids))))


@contextmanager
def in_our_words(place: Place) -> Iterator[None]:
    """Procrastinate's and psycopg's errors as the ledger's."""
    import psycopg
    from procrastinate.exceptions import ConnectorException

    try:
        yield
    except (psycopg.Error, ConnectorException) as exc:
        cause = exc if isinstance(exc, psycopg.Error) else exc.__cause__ or exc.__context__ or exc
        lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
        raise postgres.fault(place, (OperationalError if lost else DBAPIError)(None, None, cause)) from exc


@cache
def _app() -> "App":
    """Of what is issued through the ledger's own connections: it opens none."""
    if find_spec("procrastinate") is None:
        raise LedgerError("a farm's workers are woken by Procrastinate", hint="pip install 'earshot[farm]'")
    from procrastinate import App, SyncPsycopgConnector

    return App(connector=SyncPsycopgConnector())


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
