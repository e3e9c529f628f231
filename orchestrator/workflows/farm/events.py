"""What a worker tells of its work, one event after another; the cli shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.domain.job import EXPORT_QUEUE, JobState, Outcome, device_of
from orchestrator.workflows.farm.payload import title_of

STARTED, BEGAN, ENDED, NOTE, ENDING = "started", "began", "ended", "note", "ending"

# Why a job is let go that was neither done nor failed.
CANCELLED_WHILE, WORKER_ENDS = "cancelled while it ran", "its worker let it go; it is taken up where it was"


@dataclass(frozen=True)
class WorkerEvent:
    """``kind``: started, began, ended, note or ending. ``where``: a device, or a queue that is none's. ``left``: jobs
    of the order that are still open there. ``state`` of what ended: done, failed, again or let go.
    """

    at_utc: str
    kind: str
    text: str
    where: str | None = None
    order_id: str | None = None
    job_id: str | None = None
    state: str | None = None
    duration_s: float | None = None
    left: int | None = None


Tell = Callable[[WorkerEvent], None]


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def note(text: str, where: str | None = None) -> WorkerEvent:
    return WorkerEvent(now_utc(), NOTE, text, where)


def began(begun: JobState, where: str, left: int | None) -> WorkerEvent:
    job = begun.job
    return WorkerEvent(now_utc(), BEGAN, title_of(job), where, job.order_id, job.job_id, left=left)


def ended(begun: JobState, outcome: Outcome, where: str, duration_s: float) -> WorkerEvent:
    state = "done" if outcome.reason is None else "again" if outcome.again else "failed"
    state = "let go" if outcome.reason in (CANCELLED_WHILE, WORKER_ENDS) else state
    text = state if outcome.reason is None else f"{state}: {outcome.reason}"
    job = begun.job
    return WorkerEvent(now_utc(), ENDED, text, where, job.order_id, job.job_id, state, duration_s)


def started(site: str, queues: Sequence[str], worker_id: str) -> WorkerEvent:
    served = ", ".join(device_of(queue) or queue.replace(EXPORT_QUEUE, "exports", 1) for queue in queues)
    return WorkerEvent(now_utc(), STARTED, f"site {site} serves {served}; worker {worker_id[:8]}")


def ending() -> WorkerEvent:
    return WorkerEvent(now_utc(), ENDING, "ends: sessions that run go on on their devices")


class Notes:
    """Progress of one device, of which only what a person should know is told."""

    def __init__(self, tell: Tell, where: str) -> None:
        self._tell, self._where = tell, where

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        pass

    def step(self, what: str) -> None:
        pass

    def meter(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        self._tell(note(text, self._where))
