"""``earshot run`` on several devices at once: exported once, a thread and a row for each."""

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.domain.session import Session
from orchestrator.errors import EarshotError, SessionFailed
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.lab.lease import abandon_all
from orchestrator.workflows.choice import choose_devices
from orchestrator.workflows.progress import FleetProgress
from orchestrator.workflows.reserve import first_free
from orchestrator.workflows.run_settings import RunSettings
from orchestrator.workflows.run_work import Work, prepared_work
from orchestrator.workflows.single import RanOne, measure_on


@dataclass(frozen=True)
class DeviceOutcome:
    """One device's part: a session that ended well, or the error; a failed session comes with its error."""

    device: str
    ran: RanOne | None
    error: EarshotError | None

    @property
    def session(self) -> Session | None:
        return self.ran.session if self.ran else None

    @property
    def ok(self) -> bool:
        return self.error is None


def run_several(settings: RunSettings, devices: str, progress: FleetProgress) -> list[DeviceOutcome]:
    """A session on each of ``devices`` (see lab/reservation.py) in the order asked for.

    What fails on one device leaves the others alone. Raises EarshotError where nothing could be started at all.
    Interrupted, it gives the devices back; the sessions on them go on, and the same command collects them.
    """
    lab = load_lab(settings.lab)
    with prepared_work(settings, progress) as work:
        slots = choose_devices(lab, devices, work.ledger, progress)
        workers = [_Worker(work, slot, progress) for slot in slots]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            abandon_all()
            raise
        return [worker.outcome() for worker in workers]


class _Worker(threading.Thread):
    """One slot. A daemon: an interrupted command does not wait for a session that goes on without it anyway."""

    def __init__(self, work: Work, slot: Sequence[Device], progress: FleetProgress) -> None:
        super().__init__(name=f"run on {slot[0].name}", daemon=True)
        self._work, self._slot, self._progress = work, slot, progress
        self._outcome: DeviceOutcome | None = None
        self._bug: BaseException | None = None

    def run(self) -> None:
        try:
            self._outcome = self._run()
        except BaseException as exc:
            self._bug = exc

    def outcome(self) -> DeviceOutcome:
        """Raises what was no EarshotError: a bug."""
        if self._outcome is None:
            assert self._bug is not None
            raise self._bug
        return self._outcome

    def _run(self) -> DeviceOutcome:
        name = self._slot[0].name

        def attempt(device: Device, wait_s: float) -> RanOne:
            nonlocal name
            name = device.name
            with contextlib.closing(self._progress.device(name)) as progress:
                return measure_on(self._work, device, progress, wait_s)

        try:
            ran = first_free(self._slot, attempt, self._work.settings.wait_s)
        except EarshotError as exc:
            return DeviceOutcome(name, None, exc)
        failed = None if ran.session.ok else failed_session(ran.session, self._work.settings.results)
        return DeviceOutcome(name, ran, failed)


def failed_session(session: Session, results: Path) -> SessionFailed:
    """The error that a recorded session which failed stands for."""
    return SessionFailed(
        f"the session failed on {session.environment.device}: {session.result.reason}",
        failure=session.result.failure or "internal",
        hint=f"its record is session {session.session_id} in {results / 'ledger.db'}",
    )
