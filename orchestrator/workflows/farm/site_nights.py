"""Nights of which sessions came after their end, from a site that had been cut off: counted anew, and marked late."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.domain.job import SESSION
from orchestrator.domain.night import NightRecord
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import counted, nights, record_night, studies_of_night
from orchestrator.ledger.orders import jobs, order
from orchestrator.workflows.farm.nightly import lost, named
from orchestrator.workflows.night_shift import NIGHTLY


def late_nights(farm: Ledger, order_ids: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(plan, date) of each night that had ended before these orders got sessions, and has more of them by now.

    It ended when its last ones came: what is told of it is told anew, with that time.
    """
    now_utc = datetime.now(UTC).isoformat(timespec="seconds")
    found = []
    for order_id in order_ids:
        night = _night_of(farm, order_id)
        if night is None or night.finished_utc is None:
            continue
        good, failed = _counted(farm, night)
        if good + failed > night.finished_sessions + night.failed_sessions:
            counts = replace(night, finished_sessions=good, failed_sessions=failed)
            record_night(farm, replace(_with_what_came(farm, counts, order_id), late=True, finished_utc=now_utc))
            found.append((night.plan, night.at))
    return tuple(found)


def _night_of(farm: Ledger, order_id: str) -> NightRecord | None:
    asked = order(farm, order_id)
    if asked is None or asked.kind != NIGHTLY:
        return None
    plan, at = asked.record.get("plan"), asked.record.get("night")
    return next((night for night in nights(farm, str(plan)) if night.at == at), None)


def _counted(farm: Ledger, night: NightRecord) -> tuple[int, int]:
    good, failed = 0, 0
    for mode, names in studies_of_night(farm, NIGHTLY, night.plan, night.at).items():
        more, less = counted(farm, names, mode)
        good, failed = good + more, failed + less
    return good, failed


def _with_what_came(farm: Ledger, night: NightRecord, order_id: str) -> NightRecord:
    """Without what was missing of it when it ended, and is there now."""
    sessions = [state for state in jobs(farm, order_id=order_id) if state.job.kind == SESSION]
    there = {named(state) for state in sessions} - {missing.what for missing in lost(sessions)}
    return replace(night, missing=tuple(each for each in night.missing if each.what not in there))
