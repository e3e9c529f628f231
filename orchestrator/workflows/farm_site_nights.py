"""Nights of which sessions came after their end, from a site that had been cut off: counted anew, and marked late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orchestrator.domain.night import NightRecord
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import counted, nights, record_night, studies_of_night
from orchestrator.workflows.night_shift import NIGHTLY

# A site that was cut off for longer than this delivers to nights that nobody looks at any more.
_DAYS = 30


def late_nights(farm: Ledger) -> tuple[tuple[str, str], ...]:
    """(plan, date) of each night that had ended, and has more sessions by now than when it did.

    It ended when its last ones came: what is told of it is told anew, with that time.
    """
    now = datetime.now(UTC)
    since = (now - timedelta(days=_DAYS)).date().isoformat()
    ended = [night for night in nights(farm) if night.finished_utc is not None and night.at >= since]
    found = []
    for night in ended:
        good, failed = _counted(farm, night)
        if good + failed > night.finished_sessions + night.failed_sessions:
            record_night(farm, _late(night, good, failed, now))
            found.append((night.plan, night.at))
    return tuple(found)


def _counted(farm: Ledger, night: NightRecord) -> tuple[int, int]:
    good, failed = 0, 0
    for mode, names in studies_of_night(farm, NIGHTLY, night.plan, night.at).items():
        more, less = counted(farm, names, mode)
        good, failed = good + more, failed + less
    return good, failed


def _late(night: NightRecord, good: int, failed: int, now: datetime) -> NightRecord:
    at_utc = now.isoformat(timespec="seconds")
    return replace(night, finished_sessions=good, failed_sessions=failed, late=True, finished_utc=at_utc)
