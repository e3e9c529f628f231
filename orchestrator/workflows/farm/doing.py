"""What a worker is doing just now: each job told as it begins and ends, and given back where the worker must end."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from orchestrator.domain.job import JobState, Outcome, device_of
from orchestrator.errors import EarshotError
from orchestrator.ledger.job_turns import give_back
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.order_counts import left
from orchestrator.measure.farm.executor.base import Handler, Stop, outcome_of
from orchestrator.workflows.farm import events


class Doing:
    """Safe to use from several threads."""

    def __init__(self, tell: events.Tell) -> None:
        self._tell = tell
        self._queue: Ledger | None = None
        self._running: dict[str, JobState] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, queue: Ledger) -> Iterator[None]:
        """Within the block jobs are claimed from ``queue``."""
        self._queue = queue
        try:
            yield
        finally:
            self._queue = None

    def told(self, handler: Handler) -> Handler:
        """The same handler, whose jobs are told, and known while they run."""

        def do(begun: JobState, stop: Stop) -> Outcome:
            where = device_of(begun.job.queue) or begun.job.queue
            with self._lock:
                self._running[begun.job.job_id] = begun
            self._tell(events.began(begun, where, self._left(begun)))
            started_s = time.monotonic()
            try:
                outcome = handler(begun, stop)
            except EarshotError as exc:
                outcome = outcome_of(exc)
            finally:
                with self._lock:
                    self._running.pop(begun.job.job_id, None)
            self._tell(events.ended(begun, outcome, where, time.monotonic() - started_s))
            return outcome

        return do

    def give_all_back(self) -> None:
        """What runs is taken by whoever comes next."""
        with self._lock:
            running = list(self._running.values())
        queue = self._queue
        for begun in running:
            if queue is not None:
                with suppress(EarshotError):
                    give_back(queue, begun)

    def _left(self, begun: JobState) -> int | None:
        """None where the ledger is away just now."""
        queue = self._queue
        if queue is None:
            return None
        try:
            return left(queue, begun.job.order_id, begun.job.queue)
        except EarshotError:
            return None
