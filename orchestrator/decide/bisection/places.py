"""What cannot be pushed to a device, its OS build or itself: looked for in the nights of all devices that had it."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.domain.night_series import Night, Series
from orchestrator.statistics.interval import Interval
from orchestrator.statistics.intervals import ratio_unpaired


@dataclass(frozen=True)
class PlaceEvidence:
    """One device whose ``axis`` went from ``before`` to ``after`` on the night ``at``: ``ratio`` of its levels after to
    those before, over nights.
    """

    device: str
    axis: str
    before: str
    after: str
    at: str
    ratio: Interval


def place_evidence(series: Sequence[Series], axis: str) -> tuple[PlaceEvidence, ...]:
    """``series``: the same configuration and metric on several devices. Every change of ``axis`` in each; nights since
    the change before it and up to the one after it count.
    """
    return tuple(found for each in series for found in _of_device(each, axis))


def _of_device(series: Series, axis: str) -> list[PlaceEvidence]:
    runs: list[list[Night]] = []
    for night in series.nights:
        value = getattr(night.axes, axis)
        if value is None:
            continue
        if not runs or getattr(runs[-1][-1].axes, axis) != value:
            runs.append([])
        runs[-1].append(night)
    return [
        PlaceEvidence(
            series.key.device,
            axis,
            getattr(before[0].axes, axis),
            getattr(after[0].axes, axis),
            after[0].at,
            ratio_unpaired(_levels(after), _levels(before)),
        )
        for before, after in itertools.pairwise(runs)
    ]


def _levels(nights: Sequence[Night]) -> list[float]:
    return [statistics.geometric_mean(night.values) for night in nights]
