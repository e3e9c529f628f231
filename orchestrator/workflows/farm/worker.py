"""``earshot worker``: serves a site's devices, and exports, until it is asked to end."""

import socket
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from orchestrator.domain.job import device_queue
from orchestrator.errors import BadInput
from orchestrator.ledger.ledger import Ledger
from orchestrator.measure.lab.device import Device
from orchestrator.measure.lab.inventory import load_lab
from orchestrator.measure.lab.lease import abandon_all
from orchestrator.workflows.farm import events
from orchestrator.workflows.farm.alone import alone_in
from orchestrator.workflows.farm.announce import served_devices
from orchestrator.workflows.farm.doing import Doing
from orchestrator.workflows.farm.material import Materials
from orchestrator.workflows.farm.seat import DeviceSeat
from orchestrator.workflows.farm.settings import WorkerSettings
from orchestrator.workflows.farm.site import FarmSite
from orchestrator.workflows.farm.site_turns import Turns
from orchestrator.workflows.farm.worker_turns import SiteWork

LEDGER = "ledger.db"
# Between looks at which device nothing came for.
_TICK_S = 0.5
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
        ledger = stack.enter_context(Ledger.open(settings.folder / LEDGER))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earshot-worker-")))
        place = f"{settings.site} {socket.gethostname()} {settings.results.resolve()}"
        site = FarmSite(ledger, place, [device_queue(name) for name in devices], lambda text: tell(events.note(text)))
        seats = _seats(ledger, devices, tell)
        doing = Doing(tell)
        own = SiteWork(settings, lab, devices, site, seats, Materials(scratch, ledger), doing, tell)
        turns = Turns(site, settings.results / LEDGER, own, lambda text: tell(events.note(text)), stop)
        _Serving(turns, seats, doing, stop).until_ended(tell)


def _seats(ledger: Ledger, devices: Mapping[str, Device], tell: events.Tell) -> dict[str, DeviceSeat]:
    return {name: DeviceSeat(ledger, device, events.Notes(tell, name)) for name, device in devices.items()}


class _Serving:
    """The turns in a thread of their own, so that an end does not wait for a session that goes on without it anyway."""

    def __init__(self, turns: Turns, seats: Mapping[str, DeviceSeat], doing: Doing, stop: threading.Event) -> None:
        self._turns, self._seats, self._doing, self._stop = turns, seats, doing, stop
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="serve", daemon=True)

    def until_ended(self, tell: events.Tell) -> None:
        """Raises what ended it."""
        self._thread.start()
        try:
            while self._thread.is_alive() and not self._stop.wait(_TICK_S):
                for seat in self._seats.values():
                    seat.close_if_idle()
        finally:
            self._stop.set()
            tell(events.ending())
            self._thread.join(_GRACE_S)
            if self._thread.is_alive():
                abandon_all()
                self._doing.give_all_back()
            for seat in self._seats.values():
                seat.close_if_idle(0.0)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._turns.run()
        except BaseException as exc:
            self._error = exc
