"""What a user waits from the end of a word to its event, in figures: mean and percentiles of each part and the sum."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents import wire
from orchestrator.domain.perceived import PARTS, Perceived
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.percentiles import percentiles

SUM = "sum"
QUANTILES = (0.5, 0.95)
_NS_PER_MS = 1e6
# An emission delay below zero does not make it less than never.
_NEVER_NS = wire.NEVER_NS // 2


@dataclass(frozen=True)
class Part:
    """Of the budget, in ms. ``mean_ms`` None: no word was heard, or one never, because its chunk was dropped.

    ``p50`` and ``p95`` are over words, not estimable below 11 and 130 of them.
    """

    name: str
    mean_ms: float | None
    p50: Interval
    p95: Interval


@dataclass(frozen=True)
class Budget:
    """``parts``: each of ``PARTS``, then their ``SUM``. Percentiles of the parts do not add up, means do.

    The rest is that of ``Perceived``.
    """

    parts: tuple[Part, ...]
    heard: int
    missed: int
    false_events: int
    of: str


def budget(found: Perceived) -> Budget:
    never = bool((found.total_ns >= _NEVER_NS).any())
    columns = {**{name: found.parts_ns[:, n] for n, name in enumerate(PARTS)}, SUM: found.total_ns}
    parts = tuple(_part(name, values, never) for name, values in columns.items())
    return Budget(parts, found.heard, found.missed, found.false_events, found.of)


def _part(name: str, values_ns: NDArray[np.int64], never: bool) -> Part:
    mean_ms = None if never or not len(values_ns) else float(values_ns.mean()) / _NS_PER_MS
    p50, p95 = (in_ms(found) for found in percentiles(values_ns, QUANTILES))
    return Part(name, mean_ms, p50, p95)


def in_ms(found: Interval) -> Interval:
    """Of an interval in ns."""
    if found.value is None or found.low is None or found.high is None:
        return found
    if found.high >= _NEVER_NS:
        return not_estimable("never: so many chunks were dropped", found.n, found.confidence)
    value, low, high = (each / _NS_PER_MS for each in (found.value, found.low, found.high))
    return Interval(value, low, high, found.n, found.confidence)
