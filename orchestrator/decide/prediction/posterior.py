"""The model after measurements: what is unknown of it is sampled, and every answer is a mixture over the samples.

With three to thirty devices no single value of the variances can be trusted: a point estimate gives intervals that
are too narrow. They are sampled by elliptical slice sampling (Murray, Adams, MacKay 2010), which has nothing to tune.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.decide.prediction.cells import Cell
from orchestrator.decide.prediction.covariance import UNKNOWNS, Design, Kinship, Pair, design
from orchestrator.decide.prediction.features import Float

_BURN_IN = 80
_SAMPLES = 80
# Draws of all configurations together from each sample.
_DRAWS = 40
_JITTER = 1e-6


@dataclass(frozen=True, eq=False)
class Sampled:
    """One sample of the unknowns, the ``inverse`` of its covariance, and ``weights``: that times the residuals."""

    unknowns: Float
    inverse: Float
    weights: Float


class Posterior:
    """``cells``: all that was measured; ``seed`` makes the same answer from the same cells."""

    def __init__(self, cells: Sequence[Cell], seed: int = 0) -> None:
        self.cells = tuple(cells)
        self._seed = seed
        self._design = design([(cell.device, cell.configuration) for cell in cells])
        self._kinship = Kinship(self._design, self._design)
        self._noise = np.array([cell.error**2 for cell in cells]) + _JITTER
        self.logs = np.array([cell.log_ms for cell in cells])
        # The level is not known beforehand; its prior is wide around where the measurements are.
        self._level = float(np.mean(self.logs - self._design.prior_mean(np.zeros(UNKNOWNS))))
        self.samples = self._sample()

    def _sample(self) -> list[Sampled]:
        rng = np.random.default_rng([self._seed, 0])
        state = np.zeros(UNKNOWNS)
        likelihood = self._log_likelihood(state)
        kept = []
        for step in range(_BURN_IN + _SAMPLES):
            state, likelihood = self._step(state, likelihood, rng)
            if step >= _BURN_IN:
                inverse = np.asarray(np.linalg.inv(self.covariance(state)), dtype=np.float64)
                kept.append(Sampled(state, inverse, inverse @ self.residuals(state)))
        return kept

    def _step(self, state: Float, likelihood: float, rng: np.random.Generator) -> tuple[Float, float]:
        direction = rng.standard_normal(UNKNOWNS)
        threshold = likelihood + np.log(rng.uniform())
        angle = rng.uniform(0, 2 * np.pi)
        low, high = angle - 2 * np.pi, angle
        while True:
            proposal = state * np.cos(angle) + direction * np.sin(angle)
            found = self._log_likelihood(proposal)
            # An angle of zero is where it stands, so this ends.
            if found > threshold or high - low < 1e-9:
                return proposal, found
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = rng.uniform(low, high)

    def covariance(self, unknowns: Float) -> Float:
        """Of the measured cells, with the noise of their runs; shape (n, n)."""
        return self._kinship.at(unknowns) + np.diag(self._noise)

    def residuals(self, unknowns: Float) -> Float:
        return self.logs - self._design.prior_mean(unknowns) - self._level

    def _log_likelihood(self, unknowns: Float) -> float:
        """From one factorization: the last corner of the bordered matrix's root is what the quadratic form leaves."""
        residuals, count = self.residuals(unknowns), len(self.logs)
        # Above any value of the form, because no eigenvalue is below the least noise.
        corner = 1.0 + float(residuals @ residuals) / float(self._noise.min())
        bordered = np.empty((count + 1, count + 1))
        bordered[:count, :count] = self.covariance(unknowns)
        bordered[count, :count] = bordered[:count, count] = residuals
        bordered[count, count] = corner
        root = np.diagonal(np.linalg.cholesky(bordered))
        return float(-0.5 * (corner - root[count] ** 2) - np.log(root[:count]).sum())

    def predict(self, pairs: Sequence[Pair]) -> Float:
        """Draws of the log times in ms of all pairs together, shape (draws, len(pairs)); without the noise of a run."""
        target: Design = design(pairs)
        across, within = Kinship(target, self._design), Kinship(target, target)
        rng = self.draws()
        drawn = []
        for sample in self.samples:
            between = across.at(sample.unknowns)
            mean = target.prior_mean(sample.unknowns) + self._level + between @ sample.weights
            spread = within.at(sample.unknowns) - between @ sample.inverse @ between.T
            drawn.append(draw(mean, spread, _DRAWS, rng))
        return np.concatenate(drawn)

    def draws(self) -> np.random.Generator:
        """The same for every device, so that two of them differ by what they are and not by the draw."""
        return np.random.default_rng([self._seed, 1])


def draw(mean: Float, covariance: Float, count: int, rng: np.random.Generator) -> Float:
    """Shape (count, len(mean))."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn: Float = mean + rng.standard_normal((count, len(mean))) @ root.T
    return drawn
