"""Figures without noise from night to night: any change is one. A size is exact; an error rate knows its items."""

import numpy as np

from orchestrator.domain.night_series import EXACT, Series
from orchestrator.statistics.bootstrap import paired_difference
from orchestrator.statistics.interval import Interval

_SEED = 0


def change_in_value(series: Series) -> tuple[Interval, bool] | None:
    """The effect between the last two nights, and whether it is a ratio; None where there is none to tell.

    Of an error rate it is the difference over the items that both nights scored, where its interval excludes 0.
    """
    if len(series.nights) < 2:
        return None
    if series.key.watched.noise == EXACT:
        return _of_values(series)
    return _of_items(series)


def _of_values(series: Series) -> tuple[Interval, bool] | None:
    old, new = (sorted(night.values)[len(night.values) // 2] for night in series.nights[-2:])
    if old == new:
        return None
    relative = old != 0.0
    effect = new / old if relative else new
    return Interval(effect, effect, effect, 1), relative


def _of_items(series: Series) -> tuple[Interval, bool] | None:
    old, new = ({item.item: item for item in night.items} for night in series.nights[-2:])
    shared = sorted(old.keys() & new.keys())
    if not shared:
        return None
    found = paired_difference(
        np.array([new[name].errors for name in shared]),
        np.array([old[name].errors for name in shared]),
        np.array([new[name].count for name in shared]),
        np.array([old[name].count for name in shared]),
        seed=_SEED,
    )
    if found.low <= 0.0 <= found.high:
        return None
    return Interval(found.value, found.low, found.high, found.n), False
