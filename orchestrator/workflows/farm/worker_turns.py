"""How a worker serves its queues: those of the farm while that is there, those of its snapshot while it is away."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.domain.job import EXPORT, SESSION, TUNE
from orchestrator.errors import EarshotError, LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.store.cache import Cache
from orchestrator.ledger.workers import announce, begin_worker, end_worker
from orchestrator.measure.farm.executor.base import Handler, Pace
from orchestrator.measure.farm.executor.choice import executor_of
from orchestrator.measure.farm.executor.in_process import InProcess
from orchestrator.measure.lab.device import Device, Lab
from orchestrator.workflows.farm import events
from orchestrator.workflows.farm.announce import records_of
from orchestrator.workflows.farm.depot import Depot, depot_of
from orchestrator.workflows.farm.doing import Doing
from orchestrator.workflows.farm.export_handler import ExportHandler
from orchestrator.workflows.farm.export_queues import export_record, served_export_queues
from orchestrator.workflows.farm.material import Materials
from orchestrator.workflows.farm.nightly import close_nights
from orchestrator.workflows.farm.seat import DeviceSeat
from orchestrator.workflows.farm.session import Deliver, SessionHandler
from orchestrator.workflows.farm.settings import WorkerSettings
from orchestrator.workflows.farm.site import FarmSite
from orchestrator.workflows.farm.site_ahead import Ahead
from orchestrator.workflows.farm.tune import TuneHandler

# What a device turns out to be is announced so often, where it is new.
_ANNOUNCE_S = 15.0


@dataclass
class SiteWork:
    """What ``Turns`` runs. Handlers measure into the site's ledger, and know of a farm only whom to ask what."""

    settings: WorkerSettings
    lab: Lab
    devices: dict[str, Device]
    site: FarmSite
    seats: Mapping[str, DeviceSeat]
    materials: Materials
    doing: Doing
    tell: events.Tell
    _announced: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ahead = Ahead(self.site.ledger)

    def online(
        self, farm: Ledger, leave: threading.Event, on_away: Callable[[str], None], on_back: Callable[[], None]
    ) -> None:
        exports = served_export_queues() if self.settings.exports else ()
        self._announced = {}
        self._announce(farm)
        record = {
            "host": socket.gethostname(),
            "exports": self.settings.exports,
            **(export_record() if exports else {}),
        }
        worker_id = begin_worker(farm, self.settings.site, self.site.place, record)
        self.tell(events.started(self.settings.site, [*self.site.queues, *exports], worker_id))
        depot = depot_of(farm, self.settings.folder)
        handlers = self._handlers(farm, depot, lambda session_id: self.site.deliver(farm, leave, session_id))
        assert depot.cache.store is not None
        handlers[EXPORT] = ExportHandler(farm, depot.cache.store, depot, max(1, self.settings.exports))
        pace = Pace(shared_at_once=max(1, self.settings.exports))
        try:
            with self.doing.of(farm), self._announcing(farm):
                executor_of(farm, pace).serve(
                    worker_id,
                    [*self.site.queues, *exports],
                    self._told(handlers),
                    leave,
                    until_idle=self.settings.once,
                    on_away=lambda reason: self._away(reason, on_away),
                    on_back=lambda: self._back(on_back),
                )
        finally:
            with suppress(EarshotError):
                end_worker(farm, worker_id)

    def fetch_ahead(self, farm: Ledger) -> None:
        self._ahead.fetch(depot_of(farm, self.settings.folder))

    def offline(self, leave: threading.Event) -> None:
        """Serve the same devices from the site's snapshot."""
        own = self.site.ledger
        worker_id = begin_worker(own, self.settings.site, self.site.place, {"host": socket.gethostname()})
        depot = Depot(self.settings.folder, Cache(self.settings.folder / "cache", None))
        handlers = {
            kind: self.site.offline(handler)
            for kind, handler in self._handlers(own, depot, lambda session_id: None).items()
        }
        with self.doing.of(own):
            InProcess(own).serve(
                worker_id, self.site.queues, self._told(handlers), leave, until_idle=self.settings.once
            )

    def _handlers(self, queue: Ledger, depot: Depot, deliver: Deliver) -> dict[str, Handler]:
        session = SessionHandler(queue, self.site.ledger, self.seats, self.materials, depot, deliver)
        tune = TuneHandler(queue, self.site.ledger, self.seats, depot, self.settings.folder, deliver)
        return {SESSION: session, TUNE: tune}

    def _told(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        return {kind: self.doing.told(handler) for kind, handler in handlers.items()}

    def _away(self, reason: str, on_away: Callable[[str], None]) -> None:
        self.tell(events.note(f"the farm's ledger is away: {reason}"))
        on_away(reason)

    def _back(self, on_back: Callable[[], None]) -> None:
        self.tell(events.note("the farm's ledger is back"))
        on_back()

    @contextmanager
    def _announcing(self, farm: Ledger) -> Iterator[None]:
        """What changed of the devices is told the farm meanwhile and in the end, and which nights are over."""
        ended = threading.Event()

        def announce_now_and_then() -> None:
            while not ended.wait(_ANNOUNCE_S):
                # Where the farm is away, the executor tells so; it is announced the next time.
                with suppress(LedgerError):
                    self._announce(farm)
                    for night in close_nights(farm, datetime.now(UTC)):
                        self.tell(events.note(f"the night of {night.at} of plan {night.plan} is over"))

        thread = threading.Thread(target=announce_now_and_then, name="announce", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with suppress(LedgerError):
                self._announce(farm)

    def _announce(self, farm: Ledger) -> None:
        """A worker without devices leaves those of its site to the others."""
        found = records_of(self.lab, self.devices, self.site.ledger)
        if found and found != self._announced:
            announce(farm, self.settings.site, found)
            self._announced = found
