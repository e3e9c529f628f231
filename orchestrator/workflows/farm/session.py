"""Session jobs at a site: measured into the site's ledger on the device that the queue names, then delivered."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from orchestrator.domain.job import EXPORT, Job, JobState, Outcome, device_of
from orchestrator.domain.session import Session
from orchestrator.errors import BadInput, EarshotError
from orchestrator.ledger import orders
from orchestrator.ledger.job_turns import give_back
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.workflows.farm.depot import Depot
from orchestrator.workflows.farm.events import CANCELLED_WHILE, WORKER_ENDS
from orchestrator.workflows.farm.material import Materials
from orchestrator.workflows.farm.payload import session_work
from orchestrator.workflows.farm.seat import DeviceSeat, Interrupted

# What the site's ledger has, brought to the farm's, this session above all: before its job is told to be done.
Deliver = Callable[[str | None], object]


@dataclass
class SessionHandler:
    """``queue``: the ledger that the jobs are claimed from. ``site``: what is measured into. ``seats`` by device.

    A configuration that failed on a device is not run there again by the same order: it would take its time each time.
    """

    queue: Ledger
    site: Ledger
    seats: Mapping[str, DeviceSeat]
    materials: Materials
    depot: Depot
    deliver: Deliver
    _exports: dict[str, JobState] = field(default_factory=dict)
    _finished: set[str] = field(default_factory=set)
    _failed: dict[tuple[str, str], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, begun: JobState, stop: Stop) -> Outcome:
        """Raises EarshotError where the session could not be measured; one that was and failed is an outcome."""
        job = begun.job
        work, seat = session_work(job), seat_of(self.seats, job)
        configuration = (work.study.study_id, str(work.wanted))
        if configuration in self._failed:
            return Outcome(reason=f"it failed there before: {self._failed[configuration]}")
        ready, artifact = self.materials.get(self.depot, self._export(job))
        try:
            session = seat.measure(job.order_id, work, ready, artifact, stop)
        except Interrupted:
            return interrupted(self.queue, begun, stop)
        self._finish(work.study.study_id)
        self.deliver(session.session_id)
        if not session.ok:
            self._failed[configuration] = str(session.result.reason)
        return _outcome(session)

    def _finish(self, study_id: str) -> None:
        """Nobody goes on with it but by its jobs. Once: each time would be told the farm."""
        if study_id not in self._finished:
            self.site.finish_study(study_id, "finished")
            self._finished.add(study_id)

    def _export(self, job: Job) -> JobState:
        """The export that the session needs, done."""
        with self._lock:
            for need in job.needs:
                if need not in self._exports:
                    self._exports |= {found.job.job_id: found for found in orders.jobs(self.queue, job_ids=[need])}
                if need in self._exports and self._exports[need].job.kind == EXPORT:
                    return self._exports[need]
        raise BadInput(f"job {job.job_id} needs no export, so that nothing says what it is to run")


def seat_of(seats: Mapping[str, DeviceSeat], job: Job) -> DeviceSeat:
    """Raises BadInput."""
    name = device_of(job.queue)
    if name is None or name not in seats:
        raise BadInput(f"job {job.job_id} is of queue {job.queue}, which is none of this site's devices")
    return seats[name]


def interrupted(queue: Ledger, begun: JobState, stop: Stop) -> Outcome:
    """Of a job that was cancelled, or whose worker lost its place; of one whose worker ends, after it was given back:
    its outcome counts for nothing then.
    """
    if stop.job.is_set():
        return Outcome(reason=CANCELLED_WHILE, again=True)
    # Where the ledger is away, the next worker at this place takes it over.
    with suppress(EarshotError):
        give_back(queue, begun)
    return Outcome(reason=WORKER_ENDS, again=True)


def _outcome(session: Session) -> Outcome:
    told: dict[str, Any] = {
        "session_id": session.session_id,
        "study_id": session.planned.study_id,
        "duration_s": session.duration_s,
    }
    if session.ok:
        return Outcome(told)
    return Outcome(told, reason=f"the session failed: {session.result.reason}")
