"""Since when: where in a row of nights the level changed once, and how well that is known."""

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.regression.baseline import LEAST_SCALE, clipped
from orchestrator.domain.night_series import Night
from orchestrator.domain.regression import Since

_HELD = 0.95


def since(nights: tuple[Night, ...], x: NDArray[np.float64], *, fewer: float = 1.0, first: int = 1) -> Since:
    """The likelihood of one step at each night, two levels and equal noise, normalized: ``first`` is the earliest index
    that it may have. ``fewer``: how much less the nights say for their memory (``Baseline.fewer``). At least 2 nights.
    """
    first = min(max(1, first), len(nights) - 1)
    weights = _weights(x, fewer, first)
    order = np.argsort(-weights)
    within = order[: int(np.searchsorted(np.cumsum(weights[order]), _HELD)) + 1] + first
    said = tuple((nights[first + i].at, float(w)) for i, w in enumerate(weights) if w > 1e-3)
    best = nights[first + int(order[0])]
    return Since(best.at, nights[int(within.min())].at, nights[int(within.max())].at, said)


def _weights(x: NDArray[np.float64], fewer: float, first: int) -> NDArray[np.float64]:
    # Clipped on either side of the likeliest step: a new level is no odd night.
    rough = residuals(x)[first - 1 :]
    split = first + int(np.argmin(rough))
    kept = np.concatenate([clipped(x[:split]), clipped(x[split:])]) if min(split, len(x) - split) > 2 else x
    left = residuals(kept)[first - 1 :]
    variance = max(float(left.min()) / max(1, len(x) - 2), LEAST_SCALE**2)
    logs = -fewer * (left - left.min()) / (2.0 * variance)
    weights = np.exp(logs)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squares around two means, for a step at 1, 2, .. n - 1; shape (n - 1,)."""
    n = len(x)
    counts = np.arange(1, n)
    sums, squares = np.cumsum(x - x.mean()), float(((x - x.mean()) ** 2).sum())
    left = sums[:-1]
    return squares - left**2 * (1.0 / counts + 1.0 / (n - counts))


def at_once(night: Night) -> Since:
    """Where nothing is uncertain."""
    return Since(night.at, night.at, night.at, ((night.at, 1.0),))
