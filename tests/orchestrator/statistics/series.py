"""Synthetic series for the tests of statistics."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def autoregressive(rng: np.random.Generator, runs: int, n: int, correlation: float) -> Floats:
    """AR(1) with variance 1, shape (runs, n), started in its stationary state."""
    noise = rng.standard_normal((n, runs))
    noise[1:] *= np.sqrt(1.0 - correlation**2)
    for i in range(1, n):
        noise[i] += correlation * noise[i - 1]
    return np.ascontiguousarray(noise.T)
