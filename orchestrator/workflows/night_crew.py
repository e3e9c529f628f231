"""All devices of a night at once, a thread each; one that was lost is tried again, one that cannot be had is not."""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from orchestrator.errors import BadInput, DeviceHeld, DeviceNotReady, DeviceQuarantined, EarshotError
from orchestrator.measure.lab.lease import abandon_all
from orchestrator.workflows.night_clock import NightClock
from orchestrator.workflows.progress import DeviceProgress, FleetProgress, Progress

# These say that there is nothing to try again tonight.
_FINAL = (DeviceHeld, DeviceQuarantined, DeviceNotReady, BadInput)
Work = Callable[[Progress], None]


def on_all(
    work: Mapping[str, Work], clock: NightClock, progress: FleetProgress, *, retries: int, pause_s: float
) -> dict[str, str]:
    """Devices that failed, each with why. Raises what was no EarshotError: a bug. Interrupted, it gives the devices
    back; the sessions on them go on, and the same command collects them.
    """
    crew = [_Worker(name, each, clock, progress.device(name), retries, pause_s) for name, each in work.items()]
    for worker in crew:
        worker.start()
    try:
        for worker in crew:
            worker.join()
    except KeyboardInterrupt:
        clock.ended.set()
        abandon_all()
        raise
    found = {worker.device: worker.outcome() for worker in crew}
    return {name: reason for name, reason in found.items() if reason is not None}


class _Worker(threading.Thread):
    """One device. A daemon: an interrupted night does not wait for a session that goes on without it."""

    def __init__(
        self, device: str, work: Work, clock: NightClock, progress: DeviceProgress, retries: int, pause_s: float
    ) -> None:
        super().__init__(name=f"night on {device}", daemon=True)
        self.device = device
        attempt = partial(work, progress)
        self._attempt = partial(tried, attempt, progress, clock, retries=retries, pause_s=pause_s)
        self._progress = progress
        self._reason: str | None = None
        self._bug: BaseException | None = None

    def run(self) -> None:
        try:
            self._reason = self._attempt()
            self._progress.close()
        except BaseException as exc:
            self._bug = exc

    def outcome(self) -> str | None:
        """Why the device failed. Raises what was no EarshotError: a bug."""
        if self._bug is not None:
            raise self._bug
        return self._reason


def tried(
    attempt: Callable[[], None], progress: Progress, clock: NightClock, *, retries: int, pause_s: float
) -> str | None:
    """None once ``attempt`` did not raise, or why the last one failed."""
    for left in range(retries, -1, -1):
        try:
            attempt()
        except EarshotError as exc:
            if isinstance(exc, _FINAL) or not left or clock.over(pause_s):
                return exc.message
            progress.note(f"{exc.message}; trying again in {pause_s:g} s")
            time.sleep(pause_s)
        else:
            return None
    return None
