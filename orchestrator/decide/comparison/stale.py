"""Whether a calibration still speaks of the device as it is now."""

from datetime import UTC, datetime

from orchestrator.decide.comparison.surroundings import CAP, of_place, of_state
from orchestrator.domain.calibration import Calibration
from orchestrator.domain.session import Session

OLD_DAYS = 30
_PLACE = ("device model", "device unit", "isolation", "agent", "OS", "OS build", "kernel", "Python")
_STATE = ("governor", "clocks locked", CAP, "power mode")


def stale(found: Calibration, session: Session, now: datetime | None = None) -> tuple[str, ...]:
    """The reasons why ``found`` says little of ``session``'s device any more; empty where it does."""
    at = datetime.fromisoformat(found.at_utc)
    days = ((now or datetime.now(UTC)) - at).days
    reasons = [f"it is {days} days old"] if days > OLD_DAYS else []
    then, place = of_place(found.environment), of_place(session.environment)
    reasons += [f"{name} was {then[name]}, is {place[name]}" for name in _PLACE if then[name] != place[name]]
    set_then, set_now = of_state(found.state), of_state(session.result.before)
    reasons += [f"{n} was {set_then[n]}, is {set_now[n]}" for n in _STATE if set_then[n] != set_now[n]]
    version, runtime = session.result.runtime_version, session.planned.candidate.runtime
    if runtime == found.runtime and version != found.runtime_version:
        reasons.append(f"{runtime} was {found.runtime_version}, is {version}")
    return tuple(reasons)
