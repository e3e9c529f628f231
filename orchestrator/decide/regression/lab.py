"""What a whole lab does in a night (a warm week, a network), told by the reference models of its devices."""

import statistics
from collections.abc import Sequence

from orchestrator.domain.night_series import RATIO, Series

# The median of fewer devices wanders about as much as a device does.
LEAST_DEVICES = 8


def movements(references: Sequence[Series], nights: int = 60) -> dict[str, dict[str, float]]:
    """By metric and night, of the last so many: the median over devices of how far each reference's logarithm is from
    its own median. ``references``: of any number of devices and metrics. Empty for fewer than eight devices.
    """
    found: dict[str, dict[str, Series]] = {}
    for reference in references:
        if reference.key.watched.noise == RATIO:
            found.setdefault(reference.key.metric, {})[reference.key.device] = reference
    return {metric: _movement(list(by_device.values()), nights) for metric, by_device in found.items()}


def _movement(references: Sequence[Series], nights: int) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for reference in references if len(references) >= LEAST_DEVICES else ():
        kept = reference.nights[-nights:]
        middle = statistics.median(night.level for night in kept)
        for night in kept:
            found.setdefault(night.at, []).append(night.level - middle)
    return {at: statistics.median(moved) for at, moved in found.items() if len(moved) >= LEAST_DEVICES}
