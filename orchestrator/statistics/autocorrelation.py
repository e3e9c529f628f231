"""How much less a series of chunks says than its length promises."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def lag1(values: NDArray[Any]) -> float:
    """Lag-1 autocorrelation in -1..1 of a series, shape (n,); 0 for a constant one or one of fewer than 3 values."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 3:
        return 0.0
    x = x - x.mean()
    power = float(x @ x)
    return float(x[1:] @ x[:-1]) / power if power > 0.0 else 0.0


def effective_sample_size(values: NDArray[Any]) -> float:
    """Number of independent values with the same variance of the mean, in 1..n.

    n / (1 + 2 sum(rho_k)), summed while pairs of neighbouring lags stay positive (Geyer 1992, initial positive
    sequence). A constant series has n.
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 4:
        return float(n)
    correlation = _autocorrelation(x - x.mean())
    if correlation is None:
        return float(n)
    pairs = correlation[: n - n % 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0.0)
    total = float(pairs[: ends[0] if len(ends) else len(pairs)].sum())
    return min(float(n), max(1.0, n / max(2.0 * total - 1.0, 1.0 / n)))


def _autocorrelation(centred: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """rho_0 .. rho_{n-1} by FFT, padded so that the ends do not wrap; None for a constant series."""
    n = len(centred)
    if not centred.any():
        return None
    size = 1 << math.ceil(math.log2(2 * n))
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), size)[:n]
    return np.asarray(covariance / covariance[0], dtype=np.float64)
