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
    baseline_counts: NDArray[Any] | None = None,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> PairedDifference:
    """Difference of sum(errors) / sum(counts) over paired items, with percentile-bootstrap bounds.

    Shapes (n,), counts > 0; ``baseline_counts`` where the baseline's own differ, as those of F1 do. Items that do not
    differ at all give exactly 0 everywhere: what was observed, and no more than that; ``items_needed`` says how many
    items an observed 0 takes to bound the loss.
    """
    own, base = _pairs(errors, counts), _pairs(baseline_errors, counts if baseline_counts is None else baseline_counts)
    n = own.shape[1]
    if n == 0 or own.shape != base.shape:
        raise ValueError(f"paired items must be equally many and not none, got {n} and {base.shape[1]}")
    discordant = int(np.count_nonzero((own != base).any(axis=0)))
    if discordant == 0:
        return PairedDifference(0.0, 0.0, 0.0, 0.0, 0.0, n, 0, 0.0, confidence)
    sides = _sides(own, base)
    value = float(sum(e.sum() / c.sum() for e, c in sides))
    drawn = _resampled(sides, seed, resamples)
    tail = 1.0 - confidence
    low, lower = np.quantile(drawn, (tail / 2.0, tail), method="lower")
    upper, high = np.quantile(drawn, (confidence, 1.0 - tail / 2.0), method="higher")
    shares = sum((e - e.sum() / c.sum() * c) / c.mean() for e, c in sides)
    spread = float(np.sqrt(np.mean(np.square(shares))))
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


def _pairs(errors: NDArray[Any], counts: NDArray[Any]) -> NDArray[np.float64]:
    """(errors, counts) as rows, shape (2, n)."""
    errors, counts = np.asarray(errors, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if errors.shape != counts.shape or errors.ndim != 1:
        raise ValueError(f"items need one count each, got {errors.shape} errors and {counts.shape} counts")
    if not np.isfinite(errors).all() or not (counts > 0).all():
        raise ValueError("items need finite errors and counts > 0")
    return np.stack([errors, counts])


def _sides(own: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the difference of the rates is the sum of: (errors, counts) of each, shape (sides, 2, n)."""
    if (own[1] == base[1]).all():
        return np.stack([own[0] - base[0], own[1]])[None]
    return np.stack([own, base * [[-1.0], [1.0]]])


def _resampled(sides: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    """Resampled differences, shape (resamples,).

    Items with equal columns are interchangeable: drawing how often each kind occurs (multinomial) has the distribution
    of drawing items one by one, at the cost of the kinds, which are few.
    """
    n, rng = sides.shape[2], np.random.default_rng(seed)
    kinds, occurrences = np.unique(sides.reshape(-1, n), axis=1, return_counts=True)
    out = np.empty(resamples)
    batch = max(1, _BATCH_CELLS // kinds.shape[1])
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        drawn = rng.multinomial(n, occurrences / n, size=size).astype(np.float64)
        out[start : start + size] = sum((drawn @ e) / (drawn @ c) for e, c in kinds.reshape(len(sides), 2, -1))
    return out
