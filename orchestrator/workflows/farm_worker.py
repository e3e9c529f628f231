"""``earshot worker``: serves a site's devices, and exports, until it is asked to end."""

import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.domain.job import EXPORT, EXPORT_QUEUE, SESSION, device_queue
from orchestrator.errors import BadInput, EarshotError, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.workers import announce, begin_worker, end_worker
from orchestrator.measure.farm.executor.base import Handler, Pace
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.measure.farm.executor.in_process import InProcess
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.lab.lease import abandon_all
from orchestrator.workflows import farm_events as events
from orchestrator.workflows.farm_alone import alone_in
from orchestrator.workflows.farm_announce import records_of, served_devices
from orchestrator.workflows.farm_doing import Doing
from orchestrator.workflows.farm_material import Materials
from orchestrator.workflows.farm_seat import DeviceSeat
from orchestrator.workflows.farm_session import Deliver, SessionHandler
from orchestrator.workflows.farm_settings import WorkerSettings
from orchestrator.workflows.farm_site import FarmSite
from orchestrator.workflows.farm_site_turns import Turns

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
        site = stack.enter_context(Ledger.open(settings.folder / LEDGER))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earshot-worker-")))
        SiteWorker(settings, lab, devices, site, scratch, tell, stop).run()


class SiteWorker:
    """``site``: the ledger that it measures into. The farm's is where ``settings.results`` says, while it is there."""

    def __init__(
        self,
        settings: WorkerSettings,
        lab: Lab,
        devices: dict[str, Device],
        site: Ledger,
        scratch: Path,
        tell: events.Tell,
        stop: threading.Event,
    ) -> None:
        self._settings, self._lab, self._devices = settings, lab, devices
        self._site, self._tell, self._stop = site, tell, stop
        self._beside = FarmSite(site, self._place(), self.queues, self._note)
        self._farm: Ledger | None = None
        self._seats = {name: DeviceSeat(site, device, events.Notes(tell, name)) for name, device in devices.items()}
        self._materials = Materials(settings.folder, scratch, site)
        self._doing = Doing(site, tell)
        self._pace = Pace(shared_at_once=max(1, settings.exports))
        self._announced: dict[str, dict[str, Any]] = {}
        self._error: BaseException | None = None

    def run(self) -> None:
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

    def _serve(self) -> None:
        farm = self._settings.results / LEDGER
        try:
            Turns(self._beside, farm, self, self._note, self._stop).run()
        except BaseException as exc:
            self._error = exc

    def online(
        self, farm: Ledger, leave: threading.Event, on_away: Callable[[str], None], on_back: Callable[[], None]
    ) -> None:
        """Of ``Turns``: the farm's queues, while it is there."""
        self._announce(farm)
        worker_id = begin_worker(farm, self._settings.site, self._place(), self._record())
        self._tell(events.started(self._settings.site, self.queues, worker_id))
        handlers = self._handlers(farm, partial(self._beside.deliver, farm, leave))

        def away(reason: str) -> None:
            self._note(f"the farm's ledger is away: {reason}")
            on_away(reason)

        def back() -> None:
            self._note("the farm's ledger is back")
            on_back()

        self._farm = farm
        try:
            executor = executor_of(farm, self._pace)
            once = self._settings.once
            executor.serve(worker_id, self.queues, handlers, leave, until_idle=once, on_away=away, on_back=back)
        finally:
            self._farm = None
            if self._stop.is_set() or not leave.is_set():
                with suppress(EarshotError):
                    end_worker(farm, worker_id)

    def offline(self, leave: threading.Event) -> None:
        """Of ``Turns``: the same queues, as the site's ledger has them."""
        worker_id = begin_worker(self._site, self._settings.site, self._place(), self._record())
        handlers = self._handlers(self._site, lambda: None, self._beside.offline)
        executor = InProcess(self._site, self._pace)
        executor.serve(worker_id, self.queues, handlers, leave, until_idle=self._settings.once)

    def _handlers(
        self, queue: Ledger, deliver: Deliver, wrapped: Callable[[Handler], Handler] = lambda handler: handler
    ) -> Mapping[str, Handler]:
        """By kind of job. They measure into the site's ledger, and ask ``queue`` for what jobs say of each other."""
        session = SessionHandler(queue, self._site, self._devices, self._seats, self._materials, deliver)
        handlers: dict[str, Handler] = {SESSION: session, EXPORT: self._materials.export}
        self._doing = Doing(queue, self._tell)
        return {kind: self._doing.told(wrapped(handler)) for kind, handler in handlers.items()}

    def _note(self, text: str) -> None:
        self._tell(events.note(text))

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
                    if (farm := self._farm) is not None:
                        self._announce(farm)

    def _announce(self, farm: Ledger) -> None:
        found = records_of(self._lab, self._devices, self._site)
        if found != self._announced:
            announce(farm, self._settings.site, found)
            self._announced = found

    def _end(self, serving: threading.Thread) -> None:
        self._stop.set()
        self._tell(events.ending())
        serving.join(_GRACE_S)
        if serving.is_alive():
            abandon_all()
            self._doing.give_all_back()
        for seat in self._seats.values():
            seat.close_if_idle(0.0)

    def _place(self) -> str:
        return f"{self._settings.site} {socket.gethostname()} {self._settings.results.resolve()}"

    def _record(self) -> dict[str, Any]:
        return {"queues": self.queues, "exports": self._settings.exports, "host": socket.gethostname()}
