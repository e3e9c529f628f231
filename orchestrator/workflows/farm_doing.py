"""What a worker is doing just now: each job told as it begins and ends, and given back where the worker must end."""

import threading
import time
from contextlib import suppress

from orchestrator.domain.job import JobState, Outcome, device_of
from orchestrator.errors import EarshotError
from orchestrator.ledger.job_turns import give_back
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.order_counts import left
from orchestrator.measure.farm.executor.base import Handler, Stop, outcome_of
from orchestrator.workflows import farm_events as events


class Doing:
    """``queue``: the ledger that the jobs are claimed from."""

    def __init__(self, queue: Ledger, tell: events.Tell) -> None:
        self._queue, self._tell = queue, tell
        self._running: dict[str, JobState] = {}
        self._lock = threading.Lock()

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
        for begun in running:
            with suppress(EarshotError):
                give_back(self._queue, begun)

    def _left(self, begun: JobState) -> int | None:
        """None where the ledger is away just now."""
        try:
            return left(self._queue, begun.job.order_id, begun.job.queue)
        except EarshotError:
            return None
