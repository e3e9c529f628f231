"""Nights of which sessions came after their end, from a site that had been cut off: counted anew, and marked late."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.domain.night import NightRecord
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.nights import counted, nights, record_night, studies_of_night
from orchestrator.workflows.night_shift import NIGHTLY


def late_nights(farm: Ledger, studies: Collection[str]) -> tuple[tuple[str, str], ...]:
    """(plan, date) of each night that had ended before these studies got sessions just now.

    It ended when its last sessions came: what is told of it is told anew, with that time.
    """
    touched = {_night_of(study.settings) for name in studies if (study := farm.study(name)) is not None}
    found = []
    for plan, at in sorted(each for each in touched if each is not None):
        night = next((night for night in nights(farm, plan) if night.at == at), None)
        if night is not None and night.finished_utc is not None:
            record_night(farm, _late(farm, night))
            found.append((plan, at))
    return tuple(found)


def _night_of(settings: dict[str, object]) -> tuple[str, str] | None:
    if settings.get("workflow") != NIGHTLY:
        return None
    return str(settings["plan"]), str(settings["night"])


def _late(farm: Ledger, night: NightRecord) -> NightRecord:
    good, failed = 0, 0
    for mode, names in studies_of_night(farm, NIGHTLY, night.plan, night.at).items():
        more, less = counted(farm, names, mode)
        good, failed = good + more, failed + less
    now_utc = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(night, finished_sessions=good, failed_sessions=failed, late=True, finished_utc=now_utc)
