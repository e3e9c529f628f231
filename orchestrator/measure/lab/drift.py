"""A device that has become another one: much slower, or faster, than it was with the very same candidate."""

import statistics
from collections.abc import Sequence

from orchestrator.domain.health import Health
from orchestrator.ledger import health
from orchestrator.ledger.environments import latest_environments
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.recent import recent_service
from orchestrator.measure.lab.device import LOCAL

# One slow session is noise, and three in a row by a factor of two are a governor, a fan or a case that came off: what
# wanders from session to session stays far below (docs/measurement.md).
LATEST, FEWEST_BEFORE, MOST_BEFORE, FACTOR = 3, 8, 40, 2.0


def drift(before: Sequence[float], latest: Sequence[float]) -> float | None:
    """How many times slower the ``latest`` sessions all are than the median ``before``, at least ``FACTOR`` or at most
    its inverse; None where they are not, or there are too few of either.
    """
    if len(before) < FEWEST_BEFORE or len(latest) < LATEST:
        return None
    usual = statistics.median(before)
    if min(latest) >= FACTOR * usual:
        return min(latest) / usual
    if max(latest) <= usual / FACTOR:
        return max(latest) / usual
    return None


def quarantine_if_drifted(ledger: Ledger, device: str) -> Health | None:
    """Look at the device's newest sessions; its health where it was put into quarantine, else None."""
    if device == LOCAL or health.health_of(ledger, device).quarantined:
        return None
    recent = recent_service(ledger, device, MOST_BEFORE + LATEST)
    # An emulated device is as fast as its host has time for it.
    if recent is None or latest_environments(ledger)[device].emulated:
        return None
    before, latest = recent.service_ns[:-LATEST], recent.service_ns[-LATEST:]
    factor = drift(before, latest)
    if factor is None:
        return None
    return health.quarantine(
        ledger,
        device,
        f"its last {LATEST} {recent.mode} sessions of {recent.recipe} took {factor:.2g} times as long as the "
        f"{len(before)} before them ({statistics.median(latest) / 1e6:.3g} ms against "
        f"{statistics.median(before) / 1e6:.3g} ms a chunk)",
    )
