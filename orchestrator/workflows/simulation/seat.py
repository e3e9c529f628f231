"""Session jobs on twins: a real lease, a twin's session, its record in the site's ledger, its delivery."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress

from orchestrator.domain.candidate import Candidate
from orchestrator.domain.job import JobState, Outcome, device_of
from orchestrator.domain.session import Session
from orchestrator.errors import DeviceError, EarshotError, Unreachable
from orchestrator.ledger.job_turns import give_back
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.measure.farm.twins.device import TwinDevice, World
from orchestrator.measure.farm.twins.stream import Workload
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.lease import Hold, hold
from orchestrator.measure.transports.base import Transport
from orchestrator.workflows.farm.payload import SessionWork, session_work
from orchestrator.workflows.farm.seat import IDLE_S
from orchestrator.workflows.simulation.plan import planned_session

# Another worker of this site gives a twin back at once.
_WAIT_S = 30.0
# Sessions that are recorded and delivered at a time: one waits for the disk while another computes.
_RECORDING = 4
STOPPED = "the simulation was ended"


class TwinSeat:
    """A twin as a worker has it: taken with the first session, kept until nothing comes, as ``workflows/farm_seat.py``
    keeps a device. Used by one thread at a time.
    """

    def __init__(self, site: Ledger, world: World, name: str) -> None:
        self._site, self._name = site, name
        self._twin = TwinDevice(world, name)
        self._stack = ExitStack()
        self._hold: Hold | None = None
        self._lock = threading.Lock()
        self._used_s = time.monotonic()

    def run(self, work: SessionWork, candidate: Candidate, load: Workload, stop: Stop) -> Session | None:
        """None where it was asked to stop. Raises DeviceError, after which the twin is not held."""
        with self._lock:
            try:
                held = self._held(work)
                with held.measuring():
                    planned = planned_session(work, candidate, load)
                    return self._twin.run(planned, load, held.token, stop.worker.wait)
            except DeviceError:
                self._close()
                raise
            finally:
                self._used_s = time.monotonic()

    def close_if_idle(self, idle_s: float = IDLE_S) -> None:
        """Give the twin back where nothing ran on it for so long."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._hold is not None and time.monotonic() - self._used_s >= idle_s:
                self._close()
        finally:
            self._lock.release()

    def _close(self) -> None:
        self._hold = None
        with suppress(EarshotError):
            self._stack.close()

    def _held(self, work: SessionWork) -> Hold:
        if self._hold is None:
            device = Device(self._name, "ssh", host=f"{self._name}.invalid")
            taken = hold(self._site, device, f"study {work.study.study_id}", self._connect, wait_s=_WAIT_S)
            self._hold = self._stack.enter_context(taken)
        return self._hold

    def _connect(self) -> Transport:
        raise Unreachable(f"{self._name} is a twin: nothing connects to it")


class TwinHandler:
    """Does session jobs. ``farm``: whose queue it is; ``site``: what is measured into, the same where ``deliver`` is
    None.
    """

    def __init__(
        self,
        farm: Ledger,
        site: Ledger,
        seats: Mapping[str, TwinSeat],
        candidates: Mapping[str, Candidate],
        works: Mapping[str, Workload],
        deliver: Callable[[], None] | None,
    ) -> None:
        self._farm, self._site, self._seats, self._deliver = farm, site, seats, deliver
        self._candidates, self._works = candidates, works
        self._begun_studies: set[str] = set()
        self._lock = threading.Lock()
        # Who ended first is recorded and delivered first.
        self._turns = threading.Semaphore(_RECORDING)
        self.done = 0

    def __call__(self, begun: JobState, stop: Stop) -> Outcome:
        work = session_work(begun.job)
        seat = self._seats[device_of(begun.job.queue) or ""]
        session = seat.run(work, self._candidates[work.model], self._works[work.model], stop)
        if session is None:
            with suppress(EarshotError):
                give_back(self._farm, begun)
            return Outcome(reason=STOPPED, again=True)
        with self._turns:
            self._record(work, session)
        with self._lock:
            self.done += 1
        # As a farm's worker tells it: a session that failed is recorded, and its job is done.
        return Outcome({"session_id": session.session_id, "duration_s": session.duration_s})

    def _record(self, work: SessionWork, session: Session) -> None:
        study = work.study.study
        if study.study_id not in self._begun_studies:
            self._site.begin_study(study)
            self._begun_studies.add(study.study_id)
        self._site.record_session(session)
        if self._deliver is not None:
            self._deliver()
