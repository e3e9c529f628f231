"""Ratios between candidates, over paired runs where they share blocks."""

from orchestrator.decide.selection.evidence import Evidence
from orchestrator.domain.decision import MORE_IS_BETTER, Estimate, as_cost, worse
from orchestrator.statistics.interval import Interval, not_estimable
from orchestrator.statistics.intervals import ratio_paired, ratio_unpaired

_LEAST_PAIRS = 2
# What an interval stands on where it has no values run by run that pair: two of them differ where they do not overlap.
_APART = ("items", "sessions", "parts")


def ratio(above: Evidence, below: Evidence, metric: str, confidence: float) -> Interval:
    """``above`` / ``below`` of a metric whose values are > 0, with its interval over runs: how many times as bad it is,
    so that of a metric of which more is better it is the inverse.

    Paired by block where at least two blocks have both, else unpaired. A figure that is known exactly (the size of a
    file) has an interval of no width; one without runs (a pooled p99) has a ratio and no interval.
    """
    mine, theirs = above.values.get(metric, {}), below.values.get(metric, {})
    blocks = sorted(mine.keys() & theirs.keys())
    if any(value <= 0 for value in (*mine.values(), *theirs.values())):
        return _of_points(above, below, metric, confidence)
    if len(blocks) >= _LEAST_PAIRS:
        return ratio_paired([mine[b] for b in blocks], [theirs[b] for b in blocks], confidence)
    if mine and theirs:
        return ratio_unpaired(list(mine.values()), list(theirs.values()), confidence)
    return _of_points(above, below, metric, confidence)


def _of_points(above: Evidence, below: Evidence, metric: str, confidence: float) -> Interval:
    mine, theirs = above.metrics[metric], below.metrics[metric]
    if mine.value is None or theirs.value is None or not (mine.value > 0 and theirs.value > 0):
        return not_estimable(mine.reason or theirs.reason or f"{metric} is not above zero", 0, confidence)
    value = as_cost(metric, mine.value) / as_cost(metric, theirs.value)
    if mine.basis == theirs.basis == "file":
        return Interval(value, value, value, 1, confidence)
    return Interval(value, None, None, 1, confidence, "there are no run-level values to compare")


def clearly_better(a: Evidence, b: Evidence, metric: str, zone: float, confidence: float) -> bool:
    """``a`` is better in it than ``b``, beyond the noise and beyond the indifference zone."""
    mine, theirs = a.metrics[metric], b.metrics[metric]
    if mine.basis in _APART and theirs.basis in _APART:
        return _apart(mine, theirs, metric)
    found = ratio(b, a, metric, confidence)
    return found.value is not None and found.low is not None and found.low > 1.0 and found.value > 1.0 + zone


def _apart(mine: Estimate, theirs: Estimate, metric: str) -> bool:
    if None in (mine.low, mine.high, theirs.low, theirs.high):
        return False
    worst = mine.low if metric in MORE_IS_BETTER else mine.high
    best = theirs.high if metric in MORE_IS_BETTER else theirs.low
    return worse(metric, float(best or 0.0), float(worst or 0.0))


def tied(found: Interval, zone: float) -> bool:
    """Of the ratio to the best: within the zone, or within twice the zone and not to be told from 1."""
    if found.value is None:
        return False
    unsure = found.low is None or found.low <= 1.0
    return found.value <= 1.0 + zone or (unsure and found.value <= 1.0 + 2.0 * zone)
