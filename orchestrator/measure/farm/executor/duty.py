"""A worker's part in a farm: it begins jobs and tells their ends, says that it is alive, hears what was cancelled."""

import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from orchestrator.domain.job import JobState, Outcome
from orchestrator.errors import EarshotError, LedgerAway, LedgerError
from orchestrator.ledger.job_turns import Load, asked_to_end, claim, finish, loads, return_unknown
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.workers import beat_worker
from orchestrator.measure.farm.executor.base import Handler, Pace, Stop, outcome_of

# A thousand hands end their jobs at the same time: more would only wait in the database. SQLite has one lock for all.
_AT_ONCE, _AT_ONCE_SQLITE = 8, 1
# An end that the ledger refuses so often, and answers everything else in between, is refused for what it says.
_REFUSALS = 5


class Duty:
    """Safe to use from several threads. ``stop``: of the whole worker."""

    def __init__(
        self, ledger: Ledger, worker_id: str, handlers: Mapping[str, Handler], stop: threading.Event, pace: Pace
    ) -> None:
        self.displaced = threading.Event()
        self._ledger, self._worker_id, self._handlers = ledger, worker_id, handlers
        self._stop, self._pace = stop, pace
        self._at_once = threading.BoundedSemaphore(_AT_ONCE_SQLITE if ledger.place.file else _AT_ONCE)
        self._stops: dict[str, Stop] = {}
        # Queues of which a job is being begun, and jobs from when they were begun until their end was told.
        self._beginning: Counter[str] = Counter()
        self._begun: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._ended = threading.Event()
        self._looks = 0

    @property
    def asked_to_end(self) -> bool:
        return self._stop.is_set() or self.displaced.is_set()

    def do_next(self, queue: str) -> list[str] | None:
        """Do the queue's next job: queues in which a job became ready by it. None where none is ready, or the worker is
        to end: what it gives back then is not its own again.

        An end that cannot be told is told when the ledger is back. Raises LedgerError where no job could be begun, or
        where the worker is to end and the ledger is away: another will begin the job again, and find what was recorded.
        """
        if self.asked_to_end:
            return None
        with self._counted(self._beginning, queue), self._at_once:
            begun = claim(self._ledger, queue, self._worker_id)
            if begun is None:
                return None
            self._count(self._begun, begun.job.job_id, 1)
        try:
            return self._tell(begun, self._do(begun))
        finally:
            self._count(self._begun, begun.job.job_id, -1)

    def _do(self, begun: JobState) -> Outcome:
        stop = Stop(self._stop)
        self._stops[begun.job.job_id] = stop
        try:
            return self._handlers[begun.job.kind](begun, stop)
        except EarshotError as exc:
            return outcome_of(exc)
        except Exception as exc:  # A mistake in one handler is not the end of a worker with a thousand devices.
            where = traceback.extract_tb(exc.__traceback__)[-1]
            return Outcome(reason=f"{type(exc).__name__} in {where.filename}:{where.lineno}: {exc}")
        finally:
            del self._stops[begun.job.job_id]

    def _tell(self, begun: JobState, outcome: Outcome) -> list[str]:
        refused, looks = 0, self._looks
        while True:
            try:
                with self._at_once:
                    return finish(self._ledger, begun, outcome, pause_s=self._pace.again_s) or []
            except LedgerError as exc:
                if self._stop.is_set():
                    raise
                # One that was away is asked again, however often; it answered others in between where the link is bad.
                refused += self._looks > looks and not isinstance(exc, LedgerAway)
                looks = self._looks
                if refused == _REFUSALS:
                    outcome = Outcome(reason=outcome_of(exc).reason)
            self._stop.wait(self._pace.look_s)

    def look(self, queues: Sequence[str]) -> dict[str, Load]:
        """Of those of ``queues`` that are not idle; asks those jobs to end that were cancelled. Raises LedgerError."""
        found = loads(self._ledger, queues)
        for job_id in asked_to_end(self._ledger, self._worker_id) if self._stops else ():
            if (stop := self._stops.get(job_id)) is not None:
                stop.job.set()
        self._looks += 1
        return found

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Says so in a thread of its own, until the context ends or another has its place."""
        beats = threading.Thread(target=self._beat, name="earshot worker beats", daemon=True)
        beats.start()
        try:
            yield
        finally:
            self._ended.set()
            beats.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._pace.beat_s):
            try:
                if beat_worker(self._ledger, self._worker_id):
                    self._return_unknown()
                    continue
            except LedgerError:
                continue
            self.displaced.set()
            for stop in list(self._stops.values()):
                stop.job.set()
            return

    def _return_unknown(self) -> None:
        """Jobs that the ledger believes this worker to be at, and it is not: a link was cut after the ledger had begun
        one and before this worker heard of it. Of queues where one is just being begun nobody can tell.
        """
        before = self._at(self._beginning)
        return_unknown(
            self._ledger,
            self._worker_id,
            lambda queue, job_id: (
                queue in before or queue in self._at(self._beginning) or job_id in self._at(self._begun)
            ),
        )

    @contextmanager
    def _counted(self, counter: Counter[str], key: str) -> Iterator[None]:
        self._count(counter, key, 1)
        try:
            yield
        finally:
            self._count(counter, key, -1)

    def _count(self, counter: Counter[str], key: str, more: int) -> None:
        with self._counting:
            counter[key] += more
            if not counter[key]:
                del counter[key]

    def _at(self, counter: Counter[str]) -> frozenset[str]:
        with self._counting:
            return frozenset(counter)
