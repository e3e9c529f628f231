"""What a site tells people of its farm: how far behind it is, and what came of catching up."""

import time
from datetime import UTC, datetime

from orchestrator.ledger.spool import Spool
from orchestrator.workflows.farm.site import CaughtUp


def spool_words(waiting: Spool) -> str | None:
    """What waits to be delivered; None where nothing does."""
    parts = []
    if waiting.entries:
        age = age_words(time.time() - waiting.oldest_utc_s) if waiting.oldest_utc_s is not None else "a moment"
        size = f", {waiting.array_bytes / 1e6:.1f} MB," if waiting.array_bytes else ""
        parts.append(f"{_rows(waiting.sessions, waiting.entries)}{size} wait to be delivered, the oldest for {age}")
    if waiting.refused:
        parts.append(f"{_counted(waiting.refused, 'row')} that the farm's ledger does not take: {waiting.refusal}")
    return "; ".join(parts) or None


def caught_up_words(done: CaughtUp) -> str | None:
    """None where there was nothing to catch up with."""
    parts = []
    if done.delivered.rows:
        parts.append(f"delivered {_rows(done.delivered.sessions, sum(done.delivered.rows.values()))}")
    settled = done.settled
    if settled.done or settled.failed:
        failed = f", {settled.failed} of them failed" if settled.failed else ""
        parts.append(f"settled {_counted(settled.done + settled.failed, 'job')}{failed}")
    if settled.ended_there:
        parts.append(f"{_counted(settled.ended_there, 'job')} had ended at the farm meanwhile")
    if settled.left:
        parts.append(f"{_counted(settled.left, 'job')} left to another worker")
    parts += [f"night {at} of {plan} is late" for plan, at in done.late]
    return "; ".join(parts) or None


def snapshot_words(taken_utc_s: float | None, jobs: int) -> str:
    if taken_utc_s is None:
        return "it was never connected, so it has no jobs to go on with"
    at = datetime.fromtimestamp(taken_utc_s, UTC)
    return f"{_counted(jobs, 'job')} of its queues, as they were at {at:%H:%M} UTC on {at:%d %B}"


def age_words(seconds: float) -> str:
    for size, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def _rows(sessions: int, rows: int) -> str:
    if not sessions:
        return _counted(rows, "row")
    others = f" and {_counted(rows - sessions, 'other row')}" if rows > sessions else ""
    return f"{_counted(sessions, 'session')}{others}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
