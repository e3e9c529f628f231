"""A job: one piece of work that a farm does somewhere, once; and what becomes of it."""

import re
from dataclasses import dataclass, field
from typing import Any

# Kinds. A session runs on one device; an export on any host with the exporters; a tune is a whole search on one device.
SESSION = "session"
EXPORT = "export"
TUNE = "tune"
KINDS = (SESSION, EXPORT, TUNE)

# States. ``waiting`` for jobs that it needs; ``expired``: its deadline passed before it began.
WAITING, READY, RUNNING = "waiting", "ready", "running"
DONE, FAILED, CANCELLED, EXPIRED = "done", "failed", "cancelled", "expired"
OPEN = (WAITING, READY, RUNNING)
ENDED = (DONE, FAILED, CANCELLED, EXPIRED)

# Somebody waits for it; nobody does.
INTERACTIVE, NIGHTLY = 100, 0

# Of what any host may do that has the exporters. A device's own is ``device_queue``.
EXPORT_QUEUE = "export"
_DEVICE_QUEUE = "device/"
_QUEUE = re.compile(r"^[A-Za-z0-9_.:@/-]{1,200}$")


def device_queue(device: str) -> str:
    """The queue of what is pinned to a device: one at a time."""
    return f"{_DEVICE_QUEUE}{device}"


def device_of(queue: str) -> str | None:
    """None for a queue that is no device's."""
    return queue.removeprefix(_DEVICE_QUEUE) if queue.startswith(_DEVICE_QUEUE) else None


@dataclass(frozen=True)
class Job:
    """As it was submitted. ``job_id`` follows from what the job is: the same work submitted twice is one job.

    Jobs of one order run in the order of ``position`` within a queue. ``needs``: ids of jobs that must be done before;
    where one of them ends in another way this one fails. ``deadline_utc_s``: seconds since 1970; what did not begin by
    then never does. ``payload``: JSON, for whoever does jobs of this ``kind``.
    """

    job_id: str
    order_id: str
    kind: str
    queue: str
    user: str
    position: int = 0
    priority: int = INTERACTIVE
    needs: tuple[str, ...] = ()
    deadline_utc_s: float | None = None
    payload: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
        if not _QUEUE.match(self.queue):
            raise ValueError(f"a queue is letters, digits and _.:@/-, at most 200, got {self.queue!r}")
        if not (self.job_id and self.order_id and self.user):
            raise ValueError(f"a job has an id, an order and a user, got {self}")
        if self.position < 0:
            raise ValueError(f"position must be >= 0, got {self.position}")


@dataclass(frozen=True)
class JobState:
    """``attempts``: how often it was begun. ``fence`` grows with each beginning: only who has the newest may end it.
    ``result`` of a job that is done; ``reason`` of one that ended otherwise. Times in seconds since 1970, by the
    database's clock.
    """

    job: Job
    state: str
    submitted_utc_s: float
    attempts: int = 0
    fence: int = 0
    worker: str | None = None
    started_utc_s: float | None = None
    finished_utc_s: float | None = None
    reason: str | None = None
    result: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True)
class Outcome:
    """What whoever did a job says of it. ``reason`` None: it is done, with ``result``. ``again``: it may go well
    another time (a device that was away), so it goes back into its queue.
    """

    result: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    again: bool = False
