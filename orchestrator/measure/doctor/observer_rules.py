"""What the doctor makes of what observing costs a device: measured once, told with its date from then on."""

from datetime import UTC, datetime, timedelta

from orchestrator.domain.observer import OnOff, beside_share, told
from orchestrator.domain.session_verdict import DEFAULT_LIMITS
from orchestrator.measure.doctor.finding import INFO, OK, UNKNOWN, WARN, Finding

CHECK = "observer"
# As a noise floor (decide/comparison/stale.py): a device that was updated since is another one.
_STALE_AFTER = timedelta(days=30)
_LESS = "times here are those of an observed device: compare sessions that were observed alike, as all of Earshot's are"


def observer_finding(
    found: OnOff | None, device: str, agent_sha256: str | None, now: datetime | None = None
) -> Finding:
    """``agent_sha256`` of the agent that is there now, None where that is not known. ``found`` None: never measured."""
    again = f"earshot devices doctor {device} --observer"
    if found is None:
        return Finding(CHECK, INFO, "what observing costs here is not measured", advice=f"{again} measures it in 20 s")
    seen = f"{told(found.cost, found.chunk_ns)}; measured {found.at_utc[:10]}"
    stale = _stale(found, agent_sha256, now or datetime.now(UTC))
    if stale:
        return Finding(CHECK, UNKNOWN, f"{seen}, {stale}", found.said, advice=f"{again} measures it anew")
    share = beside_share(found.cost) or 0.0
    if share > DEFAULT_LIMITS.observer_share:
        why = f"sampler and watchdog take {100 * share:.0f} % of a core: sessions are suspect; {found.said}"
        return Finding(CHECK, WARN, seen, why, advice="earshot devices sensors shows what is read, and by which tool")
    if found.changes:
        return Finding(CHECK, WARN, seen, found.said, advice=_LESS)
    if found.changes is None:
        return Finding(CHECK, UNKNOWN, seen, found.said, advice=f"quiet it, then {again}")
    return Finding(CHECK, OK, seen, found.said)


def _stale(found: OnOff, agent_sha256: str | None, now: datetime) -> str:
    if agent_sha256 is not None and found.agent_sha256 != agent_sha256:
        return "by another agent"
    age = now - datetime.fromisoformat(found.at_utc)
    return f"{age.days} days ago" if age > _STALE_AFTER else ""
