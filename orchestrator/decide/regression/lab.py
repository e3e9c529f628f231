"""What a whole lab does in a night (a warm week, a network), told by the reference models of its devices."""

import statistics
from collections.abc import Sequence

from orchestrator.domain.night_series import RATIO, Series, SeriesKey

# The median of fewer devices wanders about as much as a device does.
LEAST_DEVICES = 8
# Metric and mode: what devices are compared in.
Kind = tuple[str, str]


def movements(references: Sequence[Series], nights: int = 60) -> dict[Kind, dict[str, float]]:
    """By metric and mode, then by night, of the last so many: the median over devices of how far each reference's
    logarithm is from its own median. ``references``: of any devices and metrics. Empty for fewer than eight devices.
    """
    found: dict[Kind, dict[str, Series]] = {}
    for reference in references:
        if reference.key.watched.noise == RATIO:
            found.setdefault(kind_of(reference.key), {})[reference.key.device] = reference
    return {kind: _movement(list(by_device.values()), nights) for kind, by_device in found.items()}


def kind_of(key: SeriesKey) -> Kind:
    return (key.metric, key.mode)


def _movement(references: Sequence[Series], nights: int) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for reference in references if len(references) >= LEAST_DEVICES else ():
        kept = reference.nights[-nights:]
        middle = statistics.median(night.level for night in kept)
        for night in kept:
            found.setdefault(night.at, []).append(night.level - middle)
    return {at: statistics.median(moved) for at, moved in found.items() if len(moved) >= LEAST_DEVICES}
