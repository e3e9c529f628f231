"""Series of nights by hand."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from orchestrator.domain.night_series import Axes, Night, Series, SeriesKey

FIRST = date(2026, 3, 1)


def at(index: int) -> str:
    return (FIRST + timedelta(days=index)).isoformat()


def key(metric: str = "latency_p50_ms", device: str = "pi5", model: str = "kws") -> SeriesKey:
    return SeriesKey(device, model, "onnxruntime", "CPUExecutionProvider", "onnx:fp32", "paced", metric)


def night(index: int, values: Sequence[float], artifact: str = "a", **axes: str) -> Night:
    return Night(at(index), tuple(values), artifact, Axes(**axes))


def noisy(
    levels: Sequence[float], *, seed: int = 0, noise: float = 0.01, runs: int = 6, artifacts: Sequence[str] = ()
) -> Series:
    """Each night's runs around its level, in ms; ``artifacts`` by night, one for all where not given."""
    rng = np.random.default_rng(seed)
    names = artifacts or ["a"] * len(levels)
    return Series(
        key(),
        tuple(
            night(i, (level * np.exp(noise * rng.standard_normal(runs))).tolist(), names[i], model_commit=names[i])
            for i, level in enumerate(levels)
        ),
    )
