"""A series as numbers: one logarithm per night, without what its device's reference model shows of the device."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.regression.baseline import median
from orchestrator.domain.night_series import Night, Series
from orchestrator.domain.regression import LEVEL

# Runs that differ by less than a thousandth differ by nothing that anyone hears.
_LEAST_DEVIATION = 1e-3
# A deviation of fewer runs says nothing.
_SPREAD_RUNS = 3
# The reference's nights explain a series' only where the two go together at least so closely: with 14 independent
# nights that is chance in 1 of 20 cases, with 28 in 1 of 150.
_CLOSE = 0.5
_FEWEST = 10
# Nights from here on are judged by those before; what is judged must not explain itself away.
JUDGED = 2


@dataclass(frozen=True, eq=False)
class Trace:
    """``x``: shape (n,), natural logarithms, of ``nights``. ``shared``: how much of the reference was taken off."""

    nights: tuple[Night, ...]
    x: NDArray[np.float64]
    shared: float = 0.0

    def __len__(self) -> int:
        return len(self.nights)


def trace_of(
    series: Series, aspect: str, reference: Series | None = None, lab: Mapping[str, float] | None = None
) -> Trace:
    """Of the nights that have this aspect. ``reference``: the same metric of the reference model on the same device;
    ``lab``: by night, what all devices of the lab did (``lab.movement``).
    """
    nights = tuple(night for night in series.nights if aspect == LEVEL or len(night.values) >= _SPREAD_RUNS)
    x = np.array([_value(night, aspect) for night in nights])
    if aspect != LEVEL:
        return Trace(nights, x)
    moved = lab or {}
    x = x - np.array([moved.get(night.at, 0.0) for night in nights])
    if reference is None:
        return Trace(nights, x)
    levels = {night.at: night.level - moved.get(night.at, 0.0) for night in reference.nights}
    beside = np.array([levels.get(night.at, math.nan) for night in nights])
    return _without(nights, x, beside)


def _value(night: Night, aspect: str) -> float:
    return night.level if aspect == LEVEL else math.log(max(night.deviation or 0.0, _LEAST_DEVIATION))


def _without(nights: tuple[Night, ...], x: NDArray[np.float64], beside: NDArray[np.float64]) -> Trace:
    """A control variate: x - b (r - median r), b from the nights before those that are judged, in 0..1."""
    known = np.isfinite(beside)
    past = known.copy()
    past[-JUDGED:] = False
    if past.sum() < _FEWEST or not known[-JUDGED:].all():
        return Trace(nights, x)
    middle = median(beside[past])
    mine, theirs = x[past] - median(x[past]), beside[past] - middle
    spread = math.sqrt(float(mine @ mine) * float(theirs @ theirs))
    if spread == 0.0 or float(mine @ theirs) / spread < _CLOSE:
        return Trace(nights, x)
    share = min(1.0, float(mine @ theirs) / float(theirs @ theirs))
    taken = np.where(known, beside - middle, 0.0)
    return Trace(nights, x - share * taken, share)
