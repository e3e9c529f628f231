"""``earshot worker``: serves a site's devices, and exports, until it is asked to end."""

import socket
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from orchestrator.domain.job import EXPORT, EXPORT_QUEUE, SESSION, device_queue
from orchestrator.errors import BadInput, EarshotError, LedgerError
from orchestrator.ledger.delivery import deliver
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.spool import begin_spool
from orchestrator.ledger.workers import announce, begin_worker, end_worker
from orchestrator.measure.farm.executor.base import Handler, Pace
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.lab.lease import abandon_all
from orchestrator.workflows import farm_events as events
from orchestrator.workflows.farm_alone import alone_in
from orchestrator.workflows.farm_announce import records_of, served_devices
from orchestrator.workflows.farm_doing import Doing
from orchestrator.workflows.farm_material import Materials
from orchestrator.workflows.farm_seat import DeviceSeat
from orchestrator.workflows.farm_session import SessionHandler
from orchestrator.workflows.farm_settings import WorkerSettings

LEDGER = "ledger.db"
# Between looks at who is idle and whether to end.
_TICK_S = 0.5
# What a device turns out to be is announced so often, where it is new.
_ANNOUNCE_S = 15.0
# A session's wait notices within a second or two that the worker ends; what does not by then is left where it is.
_GRACE_S = 10.0


def work(settings: WorkerSettings, tell: events.Tell, stop: threading.Event) -> None:
    """Until ``stop`` is set. Sessions that run then go on on their devices, which are given back with their jobs; the
    next worker collects them. Raises EarshotError where it cannot begin, or another process takes its place.
    """
    lab = load_lab(settings.lab)
    devices = served_devices(lab, settings.with_local)
    if not devices and not settings.exports:
        raise BadInput("there is nothing to serve: no device and no export", hint="--lab lab.toml, or --exports 2")
    with ExitStack() as stack:
        stack.enter_context(alone_in(settings.folder))
        farm = stack.enter_context(Ledger.open(settings.results / LEDGER))
        site = stack.enter_context(Ledger.open(settings.folder / LEDGER))
        begin_spool(site)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earshot-worker-")))
        SiteWorker(settings, lab, devices, farm, site, scratch, tell, stop).run()


class SiteWorker:
    """``farm``: whose queue and ledger it works for; ``site``: what it measures into."""

    def __init__(
        self,
        settings: WorkerSettings,
        lab: Lab,
        devices: dict[str, Device],
        farm: Ledger,
        site: Ledger,
        scratch: Path,
        tell: events.Tell,
        stop: threading.Event,
    ) -> None:
        self._settings, self._lab, self._devices = settings, lab, devices
        self._farm, self._site, self._tell, self._stop = farm, site, tell, stop
        self._seats = {name: DeviceSeat(site, device, events.Notes(tell, name)) for name, device in devices.items()}
        self._materials = Materials(settings.folder, scratch, site)
        self._doing = Doing(farm, tell)
        self._delivering = threading.Lock()
        self._announced: dict[str, dict[str, Any]] = {}
        self._error: BaseException | None = None
        self._worker_id = ""

    def run(self) -> None:
        self._announce()
        self._worker_id = begin_worker(self._farm, self._settings.site, self._place(), self._record())
        self._tell(events.started(self._settings.site, self.queues, self._worker_id))
        serving = threading.Thread(target=self._serve, name="serve", daemon=True)
        serving.start()
        try:
            self._watch(serving)
        finally:
            self._end(serving)
        if self._error is not None:
            raise self._error

    @property
    def queues(self) -> list[str]:
        return [*map(device_queue, self._devices), *([EXPORT_QUEUE] if self._settings.exports else [])]

    def handlers(self) -> Mapping[str, Handler]:
        """By kind of job. They measure into the site's ledger, and know of the farm's only whom to ask what."""
        session = SessionHandler(self._farm, self._site, self._devices, self._seats, self._materials, self._deliver)
        handlers: dict[str, Handler] = {SESSION: session, EXPORT: self._materials.export}
        return {kind: self._doing.told(handler) for kind, handler in handlers.items()}

    def _serve(self) -> None:
        pace = Pace(shared_at_once=max(1, self._settings.exports))
        try:
            executor_of(self._farm, pace).serve(
                self._worker_id,
                self.queues,
                self.handlers(),
                self._stop,
                until_idle=self._settings.once,
                on_away=lambda reason: self._tell(events.note(f"the farm's ledger is away: {reason}")),
                on_back=lambda: self._tell(events.note("the farm's ledger is back")),
            )
        except BaseException as exc:
            self._error = exc

    def _watch(self, serving: threading.Thread) -> None:
        """Gives devices back that nothing came for, and tells what changed, while the other thread serves."""
        ticks = 0
        while serving.is_alive() and not self._stop.wait(_TICK_S):
            for seat in self._seats.values():
                seat.close_if_idle()
            ticks += 1
            if ticks * _TICK_S >= _ANNOUNCE_S:
                ticks = 0
                # Where the farm is away, the executor tells so; it is announced the next time.
                with suppress(LedgerError):
                    self._announce()

    def _announce(self) -> None:
        found = records_of(self._lab, self._devices, self._site)
        if found != self._announced:
            announce(self._farm, self._settings.site, found)
            self._announced = found

    def _deliver(self) -> None:
        # Of two at once the second would only find what the first has brought.
        with self._delivering:
            done = deliver(self._site, self._farm)
        for what, why in done.refused.items():
            self._tell(events.note(f"the farm's ledger does not take {what}: {why}"))

    def _end(self, serving: threading.Thread) -> None:
        self._stop.set()
        self._tell(events.ending())
        serving.join(_GRACE_S)
        if serving.is_alive():
            abandon_all()
            self._doing.give_all_back()
        for seat in self._seats.values():
            seat.close_if_idle(0.0)
        with suppress(EarshotError):
            end_worker(self._farm, self._worker_id)

    def _place(self) -> str:
        return f"{self._settings.site} {socket.gethostname()} {self._settings.results.resolve()}"

    def _record(self) -> dict[str, Any]:
        return {"queues": self.queues, "exports": self._settings.exports, "host": socket.gethostname()}
