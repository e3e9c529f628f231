"""What each server of metrics was told, and what waits."""

from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.ledger import outbox_targets
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.outbox_targets import Refusals, Target, Waiting
from orchestrator.workflows.telemetry import untold_sessions


@dataclass(frozen=True)
class TargetStatus:
    """``oldest_utc``: of what waits; None where nothing does."""

    target: Target
    waiting: Waiting
    oldest_utc: str | None
    refused: tuple[Refusals, ...]


@dataclass(frozen=True)
class TelemetryStatus:
    """``untold``: sessions that ended and are not in the outbox yet."""

    entries: int
    samples: int
    untold: int
    targets: tuple[TargetStatus, ...]


def telemetry_status(ledger: Ledger) -> TelemetryStatus:
    """Asks no server."""
    everything = outbox_targets.waiting(ledger, Target(""))
    targets = tuple(_target(ledger, target) for target in outbox_targets.targets(ledger))
    return TelemetryStatus(everything.entries, everything.samples, len(untold_sessions(ledger)), targets)


def _target(ledger: Ledger, target: Target) -> TargetStatus:
    waits = outbox_targets.waiting(ledger, target)
    at_s = None if waits.oldest_ms is None else waits.oldest_ms / 1000
    oldest = None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
    return TargetStatus(target, waits, oldest, tuple(outbox_targets.refusals(ledger, target.url)))
