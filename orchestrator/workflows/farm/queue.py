"""``earshot queue``: orders and how far they are, jobs and why they wait or failed, workers, what devices do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.domain.health import Health
from orchestrator.domain.job import DONE, OPEN, RUNNING, JobState, device_of, device_queue
from orchestrator.errors import BadInput
from orchestrator.ledger.health import health
from orchestrator.ledger.job_turns import Load, loads
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.order_counts import Counts, by_order
from orchestrator.ledger.orders import Order, jobs, orders
from orchestrator.ledger.workers import SiteDevice, Worker, site_devices, workers
from orchestrator.workflows.farm.export_queues import all_export_queues

# Of several that a name could mean.
_SHOWN = 5


@dataclass(frozen=True)
class OrderTold:
    """``counts``: jobs by state."""

    order: Order
    counts: Counts

    @property
    def open(self) -> int:
        return sum(self.counts.get(state, 0) for state in OPEN)

    @property
    def done(self) -> int:
        return self.counts.get(DONE, 0)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def lost(self) -> int:
        """Ended without being done."""
        return self.total - self.open - self.done


@dataclass(frozen=True)
class DeviceNow:
    """``runs``: its job just now. ``load``: what it has before it."""

    told: SiteDevice
    runs: JobState | None
    load: Load
    health: Health


@dataclass(frozen=True)
class FarmNow:
    """``jobs``: of the order or device that was asked for, else none. ``unserved``: queues that nobody serves now, each
    with why.
    """

    orders: tuple[OrderTold, ...]
    workers: tuple[Worker, ...]
    devices: tuple[DeviceNow, ...]
    jobs: tuple[JobState, ...] = ()
    unserved: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QueueWish:
    """None: of all. ``ended``: orders that have ended too."""

    order: str | None = None
    site: str | None = None
    device: str | None = None
    ended: bool = False


def farm_now(farm: Ledger, wish: QueueWish) -> FarmNow:
    """Raises BadInput for an order, a site or a device that the farm does not know."""
    found = orders_told(farm, wish)
    if wish.order is not None:
        own = jobs(farm, order_id=found[0].order.order_id)
        return FarmNow(tuple(found), (), (), tuple(own), _unserved(farm))
    own = []
    if wish.device is not None:
        own = jobs(farm, queues=[device_queue(wish.device)], states=None if wish.ended else OPEN)
        ids = {state.job.order_id for state in own}
        found = [each for each in found if each.order.order_id in ids]
    devices = _devices(farm, wish)
    here = [worker for worker in workers(farm) if wish.site in (None, worker.site)]
    return FarmNow(tuple(found), tuple(here), tuple(devices), tuple(own), _unserved(farm))


def orders_told(farm: Ledger, wish: QueueWish) -> list[OrderTold]:
    """Newest first."""
    known = orders(farm)
    if wish.order is not None:
        known = [order_named(known, wish.order)]
    counts = by_order(farm, [known[0].order_id] if wish.order is not None else None)
    found = [OrderTold(each, counts.get(each.order_id, {})) for each in known]
    return found if wish.ended or wish.order is not None else [each for each in found if each.open]


def order_named(known: Sequence[Order], name: str) -> Order:
    """By its id, or by how that begins. Raises BadInput."""
    found = [order for order in known if order.order_id == name] or [
        order for order in known if order.order_id.startswith(name)
    ]
    if len(found) == 1:
        return found[0]
    several = f"{', '.join(order.order_id for order in found[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''}"
    raise BadInput(
        f"{len(found)} orders begin with {name!r}: {several}" if found else f"there is no order {name!r}",
        hint="earshot queue --all lists them",
    )


def _unserved(farm: Ledger) -> dict[str, str]:
    alive = [worker for worker in workers(farm) if worker.alive]
    sites = {worker.site for worker in alive}
    found = {
        device_queue(each.device): f"no worker of site {each.site} is alive"
        for each in site_devices(farm)
        if each.site not in sites
    }
    exporting = {queue for worker in alive for queue in worker.record.get("export_queues", ())}
    found |= dict.fromkeys(set(all_export_queues()) - exporting, "no living worker does such exports")
    return found


def _devices(farm: Ledger, wish: QueueWish) -> list[DeviceNow]:
    known = sorted(site_devices(farm), key=lambda each: (each.site, each.device))
    _require(wish.site, {each.site for each in known} | {worker.site for worker in workers(farm)}, "site")
    _require(wish.device, {each.device for each in known}, "device")
    running = {device_of(state.job.queue): state for state in jobs(farm, states=[RUNNING])}
    load, sick = loads(farm), health(farm)
    return [
        DeviceNow(
            each,
            running.get(each.device),
            load.get(device_queue(each.device), Load()),
            sick.get(each.device, Health(each.device)),
        )
        for each in known
        if wish.site in (None, each.site) and wish.device in (None, each.device)
    ]


def _require(name: str | None, known: set[str], what: str) -> None:
    if name is not None and name not in known:
        told = ", ".join(sorted(known)) or "none yet"
        raise BadInput(f"the farm has no {what} {name!r}", hint=f"known are {told}")
