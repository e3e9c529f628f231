"""What the tests of both executors share: jobs, and a worker that serves in a thread and keeps a diary."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.job import EXPORT, SESSION, TUNE, Job, JobState, Outcome, device_queue
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.orders import Order, jobs
from orchestrator.ledger.workers import begin_worker
from orchestrator.measure.farm.executor.base import Executor, Handler, Pace, Stop

FAST = Pace(look_s=0.1, beat_s=0.2, again_s=0.2, away_s=0.5)
PATIENCE_S = 60.0
PI, NANO = device_queue("pi5"), device_queue("nano")


def order(name: str = "one", user: str = "ada") -> Order:
    return Order(name, user, "run", f"run {name}")


def job(name: str, order_id: str = "one", **more: Any) -> Job:
    return Job(name, order_id, **{"kind": SESSION, "queue": PI, "user": "ada", **more})


def state(ledger: Ledger, job_id: str) -> JobState:
    return jobs(ledger, job_ids=[job_id])[0]


def states(ledger: Ledger) -> dict[str, str]:
    return {each.job.job_id: each.state for each in jobs(ledger)}


def until(what: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


@dataclass
class Diary:
    """(job, begin, end) of what was done, seconds of the monotonic clock; a handler for all kinds."""

    takes_s: float = 0.0
    entries: list[tuple[JobState, float, float]] = field(default_factory=list)
    does: Callable[[JobState, Stop], Outcome | None] | None = None

    def __call__(self, begun: JobState, stop: Stop) -> Outcome:
        begin_s = time.monotonic()
        time.sleep(self.takes_s)
        try:
            return (self.does(begun, stop) if self.does else None) or Outcome()
        finally:
            self.entries.append((begun, begin_s, time.monotonic()))

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return dict.fromkeys((SESSION, EXPORT, TUNE), self)

    @property
    def order(self) -> list[str]:
        """As they began."""
        return [begun.job.job_id for begun, _, _ in sorted(self.entries, key=lambda entry: entry[1])]

    def of(self, queue: str) -> list[tuple[JobState, float, float]]:
        return [entry for entry in self.entries if entry[0].job.queue == queue]


@dataclass
class Worker:
    """``away``: reasons that were told, None for each return."""

    worker_id: str
    stop: threading.Event = field(default_factory=threading.Event)
    away: list[str | None] = field(default_factory=list)
    error: LedgerError | None = None
    thread: threading.Thread | None = None

    def join(self) -> None:
        assert self.thread is not None
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), "the worker does not end"

    def run(self, executor: Executor, queues: Sequence[str], diary: Diary, until_idle: bool) -> None:
        told: dict[str, Any] = {"on_away": self.away.append, "on_back": lambda: self.away.append(None)}
        try:
            executor.serve(self.worker_id, queues, diary.handlers, self.stop, until_idle=until_idle, **told)
        except LedgerError as exc:
            self.error = exc


@contextmanager
def serving(
    ledger: Ledger,
    executor: Executor,
    diary: Diary,
    queues: Sequence[str] = (PI, NANO),
    place: str = "here",
    until_idle: bool = False,
) -> Iterator[Worker]:
    """Ended and waited for when the context ends."""
    worker = Worker(begin_worker(ledger, "berlin", place, {}))
    worker.thread = threading.Thread(target=worker.run, args=(executor, queues, diary, until_idle))
    worker.thread.start()
    try:
        yield worker
    finally:
        worker.stop.set()
        worker.join()
