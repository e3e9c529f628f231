"""Many tests at once: how large a share of what is called a finding may be none."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def adjusted(p_values: Sequence[float], tests: int | None = None) -> NDArray[np.float64]:
    """Benjamini & Hochberg (1995): those at most q hold at a false discovery rate of q, in the order given.

    ``tests``: how many were made, where the others gave p = 1 and are not listed. Raises ValueError outside 0..1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    count = len(p) if tests is None else tests
    if count < len(p) or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie in 0..1 and be at most {count}, got {list(p_values)}")
    order = np.argsort(p)
    scaled = p[order] * count / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return found
