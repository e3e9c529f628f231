"""Procrastinate's worker, in a thread of its own with its own event loop: takes tickets and wakes hands.

It lives as long as its connections do. What it holds when it ends stays with its hands: they go on, and a new taker's
tickets join them.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from orchestrator.domain.job import device_of
from orchestrator.errors import LedgerError
from orchestrator.ledger.place import Place
from orchestrator.ledger.postgres import conninfo_of
from orchestrator.measure.farm.executor.hands import Hands
from orchestrator.measure.farm.executor.tickets import TASK, in_our_words, name_of

# Whoever looks at the ledger misses a ticket sooner than Procrastinate's own look finds one.
_POLL_S = 5.0
# Tickets of devices that are being taken: each only wakes a hand.
_AT_ONCE = 8
# Nobody aborts a ticket: jobs are cancelled in the ledger.
_NEVER_S = 3600.0
_CONNECTIONS, _CONNECT_S = 4, 10.0
_WISHES, _WISH_S = 50, 0.2
# One who ends a ticket that somebody dropped is told so; that is no fault of the connection.
_HARMLESS = (psycopg.errors.RaiseException, psycopg.errors.UniqueViolation)

if TYPE_CHECKING:
    from procrastinate.app import WorkerOptions

# What they have to say is said by whoever looks at the ledger; without a handler it would go to stderr.
for _name in ("procrastinate", "psycopg", "psycopg.pool"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class TicketTaker:
    """``fault``: why it ended, where nobody asked it to."""

    def __init__(
        self, place: Place, queues: Sequence[str], hands: Hands, shared_at_once: int, ended: Callable[[], None]
    ) -> None:
        self.fault: LedgerError | None = None
        self._place, self._queues, self._hands, self._shared_at_once = place, queues, hands, shared_at_once
        self._ended = ended
        self._loop = asyncio.new_event_loop()
        self._stop, self._cut = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="earshot tickets", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more tickets; it ends when those that it has are done."""
        self._call(self._stop.set)

    def cut(self) -> None:
        """End now: the connections are of no use any more."""
        self._call(self._cut.set)

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _call(self, what: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(what)

    def _run(self) -> None:
        # What is cancelled with its connection would be told on stderr.
        self._loop.set_exception_handler(lambda loop, context: None)
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                with in_our_words(self._place):
                    runner.run(self._until_cut())
            except LedgerError as exc:
                self.fault = exc
        self._ended()

    async def _until_cut(self) -> None:
        taking, cut = asyncio.create_task(self._take()), asyncio.create_task(self._cut.wait())
        await asyncio.wait([taking, cut], return_when=asyncio.FIRST_COMPLETED)
        taking.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await taking
        finally:
            await _end_all()

    async def _take(self) -> None:
        app = App(connector=_Connector(self._cut.set, conninfo_of(self._place)))
        app.task(name=TASK)(self._do)
        async with app.open_async():
            workers = [asyncio.create_task(app.run_worker_async(**options)) for options in self._workers()]
            stop = asyncio.create_task(self._stop.wait())
            await asyncio.wait([*workers, stop], return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                worker.cancel()
            for end in await asyncio.gather(*workers, return_exceptions=True):
                if isinstance(end, Exception):
                    raise end

    def _workers(self) -> list["WorkerOptions"]:
        """One for all devices, one for each other queue, which takes no more tickets than it has hands."""
        devices = [name_of(queue) for queue in self._queues if device_of(queue) is not None]
        shared = [name_of(queue) for queue in self._queues if device_of(queue) is None]
        groups = [([name], self._shared_at_once) for name in shared] + ([(devices, _AT_ONCE)] if devices else [])
        return [
            {
                "queues": names,
                "concurrency": concurrency,
                "delete_jobs": "always",
                "install_signal_handlers": False,
                "fetch_job_polling_interval": _POLL_S,
                "abort_job_polling_interval": _NEVER_S,
            }
            for names, concurrency in groups
        ]

    async def _do(self, queue: str) -> None:
        if device_of(queue) is not None:
            self._hands.wake(queue)
            return
        rested = asyncio.Event()
        self._hands.wake(queue, lambda: self._call(rested.set))
        await rested.wait()


async def _end_all() -> None:
    """All that Procrastinate and its pool still do. A pool's worker that is at its connection does not hear the first
    wish to end.
    """
    for _ in range(_WISHES):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if not others:
            return
        await asyncio.wait(others, timeout=_WISH_S)


async def _be_quick(connection: psycopg.AsyncConnection) -> None:
    """Each statement is a transaction, and none waits for a disk: a ticket that a crash loses is missed at a look."""
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")


class _Connector(PsycopgConnector):
    """Tells of a query that failed: Procrastinate's worker would first wait for all tickets that it holds."""

    def __init__(self, failed: Callable[[], None], conninfo: str) -> None:
        super().__init__(conninfo=conninfo, min_size=1, max_size=_CONNECTIONS, timeout=_CONNECT_S, configure=_be_quick)
        self._failed = failed

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        with self._told():
            await super().execute_query_async(query, **arguments)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        with self._told():
            row: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
            return row

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        with self._told():
            rows: list[dict[str, Any]] = await super().execute_query_all_async(query, **arguments)
            return rows

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ConnectorException as exc:
            if not isinstance(exc.__cause__ or exc.__context__, _HARMLESS):
                self._failed()
            raise
