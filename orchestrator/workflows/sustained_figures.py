"""What ``earshot run`` shows of a session that is long enough to tell what heat does."""

from agents import wire
from orchestrator.domain.session import Session
from orchestrator.domain.sustained import LEAST_MINUTES, Minute, Sustained, sustained
from orchestrator.statistics.interval import Interval
from orchestrator.workflows.figure import Figure

_MS = 1e-6
# A first, a middle and a last one.
_LEAST_MINUTES = 3


def sustained_figures(session: Session, sample_rate_hz: int) -> list[Figure]:
    """Minute by minute, and what became of it; nothing for a session of less than three minutes."""
    found = sustained(session, sample_rate_hz)
    if len(found.minutes) < _LEAST_MINUTES:
        return []
    return [*_summary(found), *(figure for minute in found.minutes for figure in _minute(minute))]


def _summary(found: Sustained) -> list[Figure]:
    length = "" if len(found.minutes) >= LEAST_MINUTES else f"; less than {LEAST_MINUTES:g} minutes tell little of heat"
    if found.ratio is None:
        length += "; not known: no three minutes are left after the warm-up"
    note = f"service time of the last third / of the first minute{length}"
    knee = "" if found.knee_s is not None else "service time never rose for good"
    clock = "no clock fell and stayed there" if found.clock_read else "absent: no core clock was read"
    if found.clock_missed_s:
        clock += f"; for {found.clock_missed_s:.3g} s nobody read it"
    return [
        Figure("sustained ratio", found.ratio, "", note),
        Figure("knee", found.knee_s, "s", knee or "service time rose for good"),
        Figure("time to throttle", found.throttled_s, "s", "a core clock fell" if found.throttled_s else clock),
    ]


def _minute(minute: Minute) -> list[Figure]:
    name = f"minute {minute.number + 1}"
    return [_figure(f"{name}, p50", minute.p50, f"{minute.chunks} chunks"), _figure(f"{name}, p99", minute.p99, "")]


def _figure(name: str, of: Interval, note: str) -> Figure:
    if of.value is None:
        return Figure(name, None, "ms", of.reason or "not estimable")
    if of.value >= wire.NEVER_NS:
        return Figure(name, None, "ms", "never: so many chunks were dropped")
    return Figure(name, of.value * _MS, "ms", note)
