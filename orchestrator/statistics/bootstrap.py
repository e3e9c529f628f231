"""The paired bootstrap of a difference in error rate, item by item."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
_BATCH_CELLS = 4_000_000


@dataclass(frozen=True)
class PairedDifference:
    """``value`` = error rate of the candidate minus that of the baseline on the same items, in shares.

    ``upper`` and ``lower`` are one-sided bounds at ``confidence``: the loss is below ``upper`` at that confidence.
    ``low``..``high`` is the two-sided interval at the same confidence. ``spread`` is the standard deviation of an
    item's contribution, from which ``items_needed`` is worked out. ``discordant`` counts items with a difference.
    """

    value: float
    lower: float
    upper: float
    low: float
    high: float
    n: int
    discordant: int
    spread: float
    confidence: float = 0.95


def paired_difference(
    errors: NDArray[Any],
    baseline_errors: NDArray[Any],
    counts: NDArray[Any],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> PairedDifference:
    """Difference of sum(errors) / sum(counts) over paired items, with percentile-bootstrap bounds.

    Shapes (n,), counts > 0. Items that do not differ at all give exactly 0 everywhere: what was observed, and no more
    than that; ``items_needed`` says how many items an observed 0 takes to bound the loss.
    """
    difference = np.asarray(errors, dtype=np.float64) - np.asarray(baseline_errors, dtype=np.float64)
    weights = np.asarray(counts, dtype=np.float64)
    n = len(difference)
    if n == 0 or difference.shape != weights.shape or difference.ndim != 1:
        raise ValueError(f"paired items must be equally many and not none, got {difference.shape}, {weights.shape}")
    if not np.isfinite(difference).all() or not (weights > 0).all():
        raise ValueError("items need finite errors and counts > 0")
    value = float(difference.sum() / weights.sum())
    discordant = int(np.count_nonzero(difference))
    if discordant == 0:
        return PairedDifference(0.0, 0.0, 0.0, 0.0, 0.0, n, 0, 0.0, confidence)
    drawn = _resampled(difference, weights, seed, resamples)
    tail = 1.0 - confidence
    low, lower = np.quantile(drawn, (tail / 2.0, tail), method="lower")
    upper, high = np.quantile(drawn, (confidence, 1.0 - tail / 2.0), method="higher")
    spread = float(np.sqrt(np.mean((difference - value * weights) ** 2)) / weights.mean())
    return PairedDifference(
        value, float(lower), float(upper), float(low), float(high), n, discordant, spread, confidence
    )


def items_needed(loss: float, spread: float, bound: float, confidence: float = 0.95) -> int | None:
    """How many items bring the one-sided upper bound of an observed ``loss`` down to ``bound``.

    n = (z spread / (bound - loss))^2, the normal approximation of the bootstrap. Where no item differs (spread 0) the
    exact bound of a share with no event holds: 1 - (1 - confidence)^(1/n) <= bound, about 3 / bound at 95 %.
    None where no number of items is enough, because the loss itself reaches the bound.
    """
    if loss >= bound:
        return None
    if spread == 0.0:
        return math.ceil(math.log(1.0 - confidence) / math.log1p(-bound)) if bound < 1.0 else 1
    return math.ceil((NormalDist().inv_cdf(confidence) * spread / (bound - loss)) ** 2)


def _resampled(
    difference: NDArray[np.float64], weights: NDArray[np.float64], seed: int, resamples: int
) -> NDArray[np.float64]:
    """Resampled differences, shape (resamples,).

    Items of equal (difference, count) are interchangeable: drawing how often each kind occurs (multinomial) has the
    distribution of drawing items one by one, at the cost of the kinds, which are few.
    """
    kinds, occurrences = np.unique(np.stack([difference, weights]), axis=1, return_counts=True)
    n, rng = len(difference), np.random.default_rng(seed)
    out = np.empty(resamples)
    batch = max(1, _BATCH_CELLS // kinds.shape[1])
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        drawn = rng.multinomial(n, occurrences / n, size=size).astype(np.float64)
        out[start : start + size] = (drawn @ kinds[0]) / (drawn @ kinds[1])
    return out
