"""The state of the farm at this moment, as samples: devices, leases, the night that runs, the outbox."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from orchestrator.ledger import outbox_targets
from orchestrator.ledger.devices import last_seen
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import last_success, nights
from orchestrator.ledger.place import is_there
from orchestrator.measure.lab.device import Lab
from orchestrator.tell.telemetry.told import Sample
from orchestrator.workflows.night_clock import tonight
from orchestrator.workflows.overview import DeviceOverview, overview
from orchestrator.workflows.telemetry import untold_sessions

FREE, HELD, QUARANTINED = "free", "held", "quarantined"


def farm_samples(lab: Lab, ledger_path: Path, now: datetime) -> Iterator[Sample]:
    """Reaches no device. Without a ledger there, the lab alone. Raises LedgerError."""
    yield Sample("earshot_build_info", 1.0, (("version", version("earshot")),))
    seen = overview(lab, ledger_path)
    yield from _states(seen)
    if not is_there(ledger_path):
        yield from _devices(seen, {})
        return
    with Ledger.open(ledger_path, create=False) as ledger:
        yield from _devices(seen, last_seen(ledger))
        yield from _nights(ledger, tonight(now))
        yield from _outbox(ledger)


def _states(seen: list[DeviceOverview]) -> Iterator[Sample]:
    states = Counter(_state(each) for each in seen)
    for state in (FREE, HELD, QUARANTINED):
        yield Sample("earshot_devices", float(states[state]), (("state", state),))
    # A hold by hand has no process.
    at_work = [each for each in seen if each.held is not None and each.held.process is not None]
    yield Sample("earshot_sessions_running", float(len(at_work)))


def _state(each: DeviceOverview) -> str:
    if each.health.quarantined:
        return QUARANTINED
    return FREE if each.held is None else HELD


def _devices(seen: list[DeviceOverview], known: dict[str, tuple[str, str]]) -> Iterator[Sample]:
    for each in seen:
        name = each.device.name
        own = (("device", name),)
        ended_utc, model = known.get(name, (None, ""))
        about = (("device_model", model), ("profile", each.device.profile or ""))
        yield Sample("earshot_device_info", 1.0, own + about)
        yield Sample("earshot_device_quarantined", float(each.health.quarantined), own)
        yield Sample("earshot_lease_held", float(each.held is not None), own)
        if each.health.failures or ended_utc is not None:
            yield Sample("earshot_device_up", float(each.health.failures == 0), own)
        if ended_utc is not None:
            at_s = datetime.fromisoformat(ended_utc).timestamp()
            yield Sample("earshot_device_last_seen_timestamp_seconds", at_s, own)


def _nights(ledger: Ledger, at: str) -> Iterator[Sample]:
    known = nights(ledger)
    for plan in sorted({night.plan for night in known}):
        own = (("plan", plan),)
        running = [night for night in known if (night.plan, night.at, night.finished_utc) == (plan, at, None)]
        left = sum(n.expected_sessions - n.finished_sessions - n.failed_sessions for n in running)
        yield Sample("earshot_queue_sessions", float(max(0, left)), own)
        success = last_success(ledger, plan)
        if success is not None and success.finished_utc is not None:
            ended_s = datetime.fromisoformat(success.finished_utc).timestamp()
            yield Sample("earshot_last_night_success_timestamp_seconds", ended_s, own)


def _outbox(ledger: Ledger) -> Iterator[Sample]:
    untold = untold_sessions(ledger)
    untold_s = [datetime.fromisoformat(each.started_utc).timestamp() for each in untold]
    yield Sample("earshot_outbox_untold_sessions", float(len(untold)))
    for target in outbox_targets.targets(ledger):
        own = (("target", target.url),)
        waiting = outbox_targets.waiting(ledger, target)
        yield Sample("earshot_outbox_samples", float(waiting.samples), own)
        oldest_s = [*untold_s, *([] if waiting.oldest_ms is None else [waiting.oldest_ms / 1000])]
        if oldest_s:
            yield Sample("earshot_outbox_oldest_timestamp_seconds", min(oldest_s), own)
        yield Sample("earshot_outbox_sent_samples_total", float(target.sent_samples), own)
        for refused in outbox_targets.refusals(ledger, target.url):
            reason = (*own, ("reason", refused.reason))
            yield Sample("earshot_outbox_refused_samples_total", float(refused.samples), reason)
