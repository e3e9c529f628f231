"""What to measure next, or what is known: halving, where each half is measured until it is sure enough.

Everything follows from the pairs so far, so that an interrupted search goes on from what the ledger has.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.bisection.belief import Levels, Pairs, belief, levels
from orchestrator.statistics import students_t
from orchestrator.statistics.interval import Interval


@dataclass(frozen=True)
class Care:
    """``certain``: that the version which is named is the one. ``least``: a smaller effect, a share, is not followed.

    ``ends``: pairs of the oldest and the newest version, ``most_ends`` where they leave it open; ``alpha``: how often
    equal ones may pass for different. ``batch``: pairs between two looks. ``most_pairs`` of all versions together.
    """

    certain: float = 0.95
    least: float = 0.02
    ends: int = 8
    most_ends: int = 32
    alpha: float = 0.01
    batch: int = 3
    most_pairs: int = 400

    def __post_init__(self) -> None:
        if not 0.5 < self.certain < 1.0 or not 0.0 < self.alpha < 0.5 or self.least <= 0.0:
            raise ValueError(f"0.5 < certain < 1, 0 < alpha < 0.5 and least > 0 must hold, got {self}")
        if not 2 <= self.ends <= self.most_ends <= self.most_pairs or self.batch < 1:
            raise ValueError(f"2 <= ends <= most_ends <= most_pairs and batch >= 1 must hold, got {self}")


@dataclass(frozen=True)
class Ask:
    """Measure ``pairs`` more of ``version`` against the oldest one."""

    version: int
    pairs: int


@dataclass(frozen=True)
class Found:
    """The change came with ``first``; with one of ``first`` to ``last`` where those between cannot be measured.

    ``step``: the ratio of ``last`` to the version before ``first``; ``effect``: of the newest to the oldest.
    """

    first: int
    last: int
    probability: float
    step: Interval
    effect: Interval

    @property
    def partial(self) -> bool:
        """The step is less than two thirds of the effect: something else changed it too."""
        if self.step.value is None or self.effect.value is None:
            return False
        return abs(math.log(self.step.value)) < abs(math.log(self.effect.value)) * 2.0 / 3.0


@dataclass(frozen=True)
class NotSeen:
    """The newest version is not different from the oldest one on this device now."""

    effect: Interval


@dataclass(frozen=True)
class Open:
    """Given up: ``first`` to ``last`` hold the change with ``probability``."""

    first: int
    last: int
    probability: float
    effect: Interval


Step = Ask | Found | NotSeen | Open


def next_step(
    versions: int,
    pairs: Pairs,
    unfit: Collection[int] = (),
    care: Care | None = None,
    *,
    old: int = 0,
    new: int | None = None,
) -> Step:
    """``versions`` >= 2, oldest first. ``unfit``: those between that cannot be measured. Versions up to ``old`` are the
    very bytes of the oldest one, and those from ``new`` on of the newest: there is nothing to measure.
    """
    care = care or Care()
    newest = versions - 1
    seen = len(pairs.get(newest, ()))
    if seen < care.ends:
        return Ask(newest, care.ends - seen)
    known = levels(pairs, newest)
    if not _differs(known, care):
        return Ask(newest, care.ends) if seen < care.most_ends else NotSeen(_interval(known.effect, known))
    weights = belief(pairs, versions, old, new)
    first, last, sure = _likeliest(weights, unfit)
    if sure >= care.certain:
        return Found(first, last, sure, _step(pairs, first, last, known), _interval(known.effect, known))
    if sum(len(found) for found in pairs.values()) >= care.most_pairs:
        low, high = _range(weights, care.certain)
        return Open(low, high, float(weights[low : high + 1].sum()), _interval(known.effect, known))
    return Ask(_half(weights, unfit), care.batch)


def _differs(known: Levels, care: Care) -> bool:
    if abs(known.effect) < math.log1p(care.least):
        return False
    # Each further look has a part of the error that is allowed.
    looks = care.most_ends / care.ends
    return 2.0 * students_t.upper_tail(abs(known.effect) / known.error, known.pairs - 1) <= care.alpha / looks


def _half(weights: NDArray[np.float64], unfit: Collection[int]) -> int:
    """The version that is as likely old as new; the oldest of several."""
    new = np.cumsum(weights)
    between = [version for version in range(1, len(weights) - 1) if version not in unfit]
    return min(between, key=lambda version: (abs(float(new[version]) - 0.5), version))


def _likeliest(weights: NDArray[np.float64], unfit: Collection[int]) -> tuple[int, int, float]:
    """Versions k and k + 1 are told apart by measuring k: those that cannot be are one place."""
    best = (1, 1, 0.0)
    first = 1
    for version in range(1, len(weights)):
        if version in unfit:
            continue
        sure = float(weights[first : version + 1].sum())
        if sure > best[2]:
            best = (first, version, sure)
        first = version + 1
    return best


def _range(weights: NDArray[np.float64], certain: float) -> tuple[int, int]:
    """The shortest run of versions that holds the change so surely."""
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    runs = [
        (last - first, first, last)
        for first in range(1, len(weights))
        for last in range(first, len(weights))
        if sums[last + 1] - sums[first] >= certain
    ]
    _, first, last = min(runs)
    return first, last


def _step(pairs: Pairs, first: int, last: int, known: Levels) -> Interval:
    """Of ``last`` to the one before ``first``, by their pairs against the oldest."""
    after = np.asarray(pairs.get(last, ()), dtype=np.float64)
    before = np.asarray(pairs.get(first - 1, ()), dtype=np.float64)
    if not len(after) or (first > 1 and not len(before)):
        return Interval(None, None, None, 0, reason="one of the two was not measured")
    value = float(after.mean()) - (float(before.mean()) if first > 1 else 0.0)
    error = known.scale * math.sqrt(1.0 / len(after) + (1.0 / len(before) if first > 1 else 0.0))
    return _around(value, error, known.freedom, len(after))


def _interval(value: float, known: Levels) -> Interval:
    return _around(value, known.error, known.freedom, known.pairs)


def _around(value: float, error: float, freedom: int, n: int) -> Interval:
    half = students_t.quantile(0.975, freedom) * error
    return Interval(math.exp(value), math.exp(value - half), math.exp(value + half), n)
