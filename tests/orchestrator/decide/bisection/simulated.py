"""A row of versions whose truth is known, asked as a device is: each answer is noisy."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestrator.decide.bisection.search import Ask, Care, Step, next_step


@dataclass
class Versions:
    """``levels``: what each version's figure truly is, relative to the oldest one's. ``odd``: share of pairs that
    something disturbed, by ten times the noise.
    """

    levels: Sequence[float]
    noise: float = 0.03
    odd: float = 0.0
    seed: int = 0
    pairs: dict[int, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def measure(self, asked: Ask) -> None:
        for _ in range(asked.pairs):
            scale = self.noise * (10.0 if self._rng.random() < self.odd else 1.0)
            value = math.log(self.levels[asked.version]) + scale * self._rng.standard_normal()
            self.pairs.setdefault(asked.version, []).append(value)

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.pairs.values())


def stepped(count: int, at: int, effect: float) -> list[float]:
    return [1.0] * at + [effect] * (count - at)


def searched(versions: Versions, unfit: Collection[int] = (), care: Care | None = None) -> Step:
    while isinstance(step := next_step(len(versions.levels), versions.pairs, unfit, care), Ask):
        assert step.version not in unfit
        versions.measure(step)
    return step
