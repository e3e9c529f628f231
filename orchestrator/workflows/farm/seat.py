"""A device as a worker has it: taken with the first session of an order, kept until another order or nothing comes."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from orchestrator.domain.artifact import Artifact
from orchestrator.domain.session import Session
from orchestrator.errors import EarshotError
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.farm.executor.base import Stop
from orchestrator.measure.lab.device import Device
from orchestrator.workflows.farm.payload import EVALUATE, SessionWork
from orchestrator.workflows.night_material import Ready
from orchestrator.workflows.night_place import NightPlace, night_place
from orchestrator.workflows.progress import FleetProgress, Progress
from orchestrator.workflows.quality import score_candidate
from orchestrator.workflows.session_runner import SessionRunner

# Reaching a device and taking it costs a second or two; whoever waits for it otherwise gets it after this.
IDLE_S = 5.0
# Another worker of the same site gives the device back within ``IDLE_S`` of its last session.
_WAIT_S = 30.0


class Interrupted(BaseException):
    """The worker is to end, or the job was cancelled: whoever waits for the device's session stops waiting for it."""


@dataclass
class _Open:
    """``pushed``: by model, hashes of the artifacts that are there."""

    order_id: str
    environments: frozenset[str]
    place: NightPlace
    stack: ExitStack
    runners: dict[str, SessionRunner] = field(default_factory=dict)
    pushed: dict[str, set[str]] = field(default_factory=dict)


class DeviceSeat:
    """One session at a time. ``ledger``: the site's."""

    def __init__(self, ledger: Ledger, device: Device, progress: Progress) -> None:
        self.device = device
        self._ledger = ledger
        self._progress = _Stoppable(progress)
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._used_s = time.monotonic()

    def measure(self, order_id: str, work: SessionWork, ready: Ready, artifact: Artifact, stop: Stop) -> Session:
        """The session: from the site's ledger, from the device's disk, or measured now. Raises EarshotError where there
        is none, and Interrupted; the session on the device goes on then.
        """
        with self._lock:
            try:
                return self._run(self._opened(order_id, work, stop), work, ready, artifact)
            except BaseException:
                self._close(failing=True)
                raise
            finally:
                self._progress.stop = None
                self._used_s = time.monotonic()

    @contextmanager
    def lent(self, stop: Stop) -> Iterator[FleetProgress]:
        """For a workflow that takes the device by itself. What tells its progress raises Interrupted as ``measure``."""
        with self._lock:
            self._close()
            self._progress.stop = stop
            try:
                yield self._progress
            finally:
                self._progress.stop = None

    def close_if_idle(self, idle_s: float = IDLE_S) -> bool:
        """Give the device back where nothing ran on it for so long; False where it stays, or was not ours."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._open is None or time.monotonic() - self._used_s < idle_s:
                return False
            self._close()
            return True
        finally:
            self._lock.release()

    def _opened(self, order_id: str, work: SessionWork, stop: Stop) -> _Open:
        wanted = frozenset([work.environment] if work.environment else [])
        now = self._open
        if now is not None and now.order_id == order_id:
            wanted |= now.environments
            if wanted == now.environments:
                self._progress.stop = stop
                return now
        self._close()
        self._progress.stop = stop
        with ExitStack() as stack:
            taken = night_place(self._ledger, self.device, wanted, f"order {order_id}", self._progress, _WAIT_S)
            place = stack.enter_context(taken)
            self._open = _Open(order_id, wanted, place, stack.pop_all())
        return self._open

    def _run(self, seat: _Open, work: SessionWork, ready: Ready, artifact: Artifact) -> Session:
        pushed = seat.pushed.setdefault(work.model, set())
        if artifact.sha256 not in pushed:
            self._progress.stage(f"pushing {work.model}", steps=1)
            seat.place.push(ready, [artifact])
            pushed.add(artifact.sha256)
        runner = self._runner(seat, work, ready)
        runner.artifacts[artifact.sha256] = artifact
        candidate = seat.place.candidate(work.wanted, ready)
        self._progress.stage(work.mode, steps=1, expected_s=work.expected_s)
        if work.mode == EVALUATE:
            return score_candidate(runner, ready.prepared, candidate, "test", work.block)
        planned = runner.plan(candidate, work.mode, seconds=work.seconds, block=work.block, position=work.position)
        return runner.run_all([planned])[0]

    def _runner(self, seat: _Open, work: SessionWork, ready: Ready) -> SessionRunner:
        told = work.study
        if told.study_id not in seat.runners:
            self._ledger.begin_study(told.study)
            seat.runners[told.study_id] = seat.place.runner(told.study, ready, [], work.reruns)
        return seat.runners[told.study_id]

    def _close(self, failing: bool = False) -> None:
        """``failing``: what is being raised says something of the device."""
        now, self._open, self._progress.stop = self._open, None, None
        if now is None:
            return
        if failing:
            # What is raised goes through the block that the device is used in, which counts it.
            with suppress(BaseException):
                now.stack.__exit__(*sys.exc_info())
            return
        for runner in now.runners.values():
            runner.forget_recorded()
        # Away by now: its lease ends by itself.
        with suppress(EarshotError):
            now.stack.close()


class _Stoppable:
    """Progress that raises Interrupted where ``stop`` is asked: sessions tell several times a second how they do."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.stop: Stop | None = None

    def stage(self, name: str, *, steps: int, expected_s: float | None = None) -> None:
        self._check()
        self._progress.stage(name, steps=steps, expected_s=expected_s)

    def step(self, what: str) -> None:
        self._check()
        self._progress.step(what)

    def meter(self, text: str) -> None:
        self._check()
        self._progress.meter(text)

    def note(self, text: str) -> None:
        self._progress.note(text)

    def device(self, name: str) -> "_Stoppable":
        return self

    def close(self) -> None:
        """Nothing was opened."""

    def _check(self) -> None:
        if self.stop is not None and self.stop.asked:
            raise Interrupted
