"""What the pairs so far say about where the change is: a probability for each place.

A pair is the logarithm of (a version's figure / the oldest version's), both measured in turns. Before the change pairs
lie around 0, from it on around the whole effect, with one spread. Student's t takes an odd pair for what it is, and the
few that the spread is known from into account.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Version -> its pairs. Version 0 is what all are compared with, and has none.
Pairs = Mapping[int, Sequence[float]]


@dataclass(frozen=True)
class Levels:
    """``effect``: of the newest version; ``scale`` and ``freedom``: of a pair around its own version's mean."""

    effect: float
    scale: float
    freedom: int
    pairs: int

    @property
    def error(self) -> float:
        """Of ``effect``."""
        return self.scale / math.sqrt(self.pairs)


def levels(pairs: Pairs, newest: int) -> Levels:
    """Needs two pairs of the newest version. The spread is that of all versions together."""
    known = [np.asarray(found, dtype=np.float64) for found in pairs.values() if len(found) > 1]
    freedom = sum(len(found) - 1 for found in known)
    squares = sum(float(((found - found.mean()) ** 2).sum()) for found in known)
    # Equal to the last bit: a clock's grid. Nothing is known to a millionth.
    scale = max(math.sqrt(squares / freedom), 1e-6)
    return Levels(float(np.mean(pairs[newest])), scale, freedom, len(pairs[newest]))


def belief(pairs: Pairs, versions: int, old: int = 0, new: int | None = None) -> NDArray[np.float64]:
    """Probability that version k is the first with the new level, shape (versions,). Versions up to ``old`` are known
    to be what the oldest one is, and those from ``new`` on (None: the newest) what the newest is.
    """
    found = levels(pairs, versions - 1)
    # The effect is an estimate too: its error is common to all pairs that lie around it.
    after_scale = found.scale * math.sqrt(1.0 + 1.0 / found.pairs)
    before, after = np.zeros(versions), np.zeros(versions)
    for version, values in pairs.items():
        if 0 < version < versions - 1:
            x = np.asarray(values, dtype=np.float64)
            before[version] = _log_density(x, found.scale, found.freedom)
            after[version] = _log_density(x - found.effect, after_scale, found.freedom)
    last = versions - 1 if new is None else new
    # First new version k: versions below k are old, the others new.
    if_old, if_new = np.concatenate([[0.0], np.cumsum(before)[:-1]]), np.cumsum(after[::-1])[::-1]
    logs = (if_old + if_new)[old + 1 : last + 1]
    weights = np.exp(logs - logs.max())
    whole = np.zeros(versions)
    whole[old + 1 : last + 1] = weights / weights.sum()
    return whole


def _log_density(x: NDArray[np.float64], scale: float, freedom: int) -> float:
    """Without what is the same for every place."""
    return float(-(freedom + 1) / 2.0 * np.log1p((x / scale) ** 2 / freedom).sum()) - len(x) * math.log(scale)
