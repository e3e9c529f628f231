"""What the runs so far say of each candidate's true figure: a mean and a covariance on the logarithmic scale.

log figure = candidate + unit of the device + its drift at that time + noise of the run. The drift is a smooth random
function (a Gaussian process over device time), which makes runs near in time comparable, as pairing by block does, and
the block of the first looks usable too. Some processes start in a slow mode: a run that is far slower than its
candidate's others counts little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.search.question import Run
from orchestrator.decide.search.standing import NOISE, NOISE_WEIGHT

Array = NDArray[np.float64]

# A phone that warms up wanders by a few per cent, over a good part of the search.
DRIFT, DRIFT_SPAN = 0.03, 0.3
# Units of one device model differ in silicon, battery and case. Wide, so that a block on a unit of its own tells only
# of those in the block with it.
UNITS = 0.1
LEAST_SPREAD = 0.02
# Share of processes that start slow, and how much wider than the noise such a start scatters.
SLOW_SHARE, SLOW_WIDTH = 0.1, 8.0
_LEAST_WEIGHT, _ROUNDS = 0.02, 8


@dataclass(frozen=True)
class Belief:
    """``mean`` (n) and ``covariance`` (n, n) of the log figure of ``names``; ``noise`` of one run, as a ratio.

    ``level`` (runs): log figure with the drift taken off; ``weight`` (runs) in 0..1, small for a slow start; ``index``
    (runs): whose run it is, in ``names``.
    """

    names: tuple[str, ...]
    mean: Array
    covariance: Array
    noise: float
    level: Array
    weight: Array
    index: NDArray[np.intp]

    def draws(self, count: int, seed: int) -> Array:
        """(count, n) figures, log scale, that the runs leave possible."""
        rng = np.random.default_rng(seed)
        root = np.linalg.cholesky(self.covariance + 1e-9 * np.eye(len(self.names)))
        found: Array = self.mean + rng.standard_normal((count, len(self.names))) @ root.T
        return found


def believe(runs: Sequence[Run], metric: str, span_s: float) -> Belief:
    """From runs that all say ``metric`` > 0; ``span_s`` is the device time that the search will take."""
    names = tuple(dict.fromkeys(r.candidate for r in runs))
    index = np.array([names.index(r.candidate) for r in runs])
    y = np.log([r.figures[metric] for r in runs])
    center = float(np.median(y))
    spread = max(LEAST_SPREAD, 1.4826 * float(np.median(np.abs(y - center))))
    time = np.array([r.at_s for r in runs]) / span_s
    drift = DRIFT**2 * np.exp(-0.5 * ((time[:, None] - time[None, :]) / DRIFT_SPAN) ** 2)
    place = np.array([r.place for r in runs])
    if len(set(place.tolist())) > 1:
        drift = np.where(place[:, None] == place[None, :], drift + UNITS**2, 0.0)
    # The common level is all but unknown: a variance of one on the log scale.
    signal = spread**2 * (index[:, None] == index[None, :]) + drift + 1.0
    solved, weight, noise = _settle(signal, y - center, index)
    across = spread**2 * (np.arange(len(names))[:, None] == index[None, :]) + 1.0
    inverse = np.linalg.solve(signal + np.diag(noise**2 / weight), across.T)
    mean = center + across @ solved
    covariance = spread**2 * np.eye(len(names)) + 1.0 - across @ inverse
    return Belief(names, mean, covariance, noise, y - drift @ solved, weight, index)


def _settle(signal: Array, y: Array, index: NDArray[np.intp]) -> tuple[Array, Array, float]:
    """(the solved system, weight of each run, noise), found by turns."""
    repeated = np.bincount(index)[index] > 1
    freedom = int(repeated.sum()) - len(set(index[repeated].tolist()))
    weight, noise = np.ones(len(y)), NOISE
    solved: Array = y
    for _ in range(_ROUNDS):
        solved = np.asarray(np.linalg.solve(signal + np.diag(noise**2 / weight), y), dtype=np.float64)
        residual: Array = noise**2 / weight * solved
        weight = np.where(repeated, _weights(residual / noise), 1.0)
        squares = float((weight * residual**2)[repeated].sum())
        noise = float(np.sqrt((NOISE_WEIGHT * NOISE**2 + squares) / (NOISE_WEIGHT + freedom)))
    return solved, weight, noise


def _weights(z: Array) -> Array:
    """Probability that a run was not in a slow mode, from how many times the noise it lies above its candidate."""
    normal = np.exp(-0.5 * z**2)
    odds = SLOW_SHARE / (1 - SLOW_SHARE) * 2 / SLOW_WIDTH
    slow = odds * np.exp(-0.5 * (z / SLOW_WIDTH) ** 2)
    return np.where(z > 0, np.maximum(normal / (normal + slow), _LEAST_WEIGHT), 1.0)
