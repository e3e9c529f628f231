"""Promise 16: what is called a drift, and how much of it is seen."""

import tempfile
from pathlib import Path

import numpy as np

from orchestrator.domain.state_drift import FREE_RUNNING
from orchestrator.statistics import students_t
from orchestrator.statistics.loops import growth_per_loop
from tests.promises.drifting import CHUNK_S, LEVEL, drift_of, graph, state
from tests.promises.figures.row import Row, at_most

# Exact in float32 for all of ten minutes.
GAIN_ERROR = 1 / 64
STEP = GAIN_ERROR * LEVEL
CHUNKS = 600 / CHUNK_S
CLIP_S = 4.0
LOOPS = 11


def wandering(kind: str, rng: np.random.Generator, runs: int) -> np.ndarray:
    """Means of loops of states without a trend, shape (runs, LOOPS): a random walk, or one that forgets."""
    noise = rng.standard_normal((runs, LOOPS))
    if kind == "walk":
        return noise.cumsum(axis=1)
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0] / np.sqrt(1 - 0.9**2)
    for k in range(1, LOOPS):
        series[:, k] = 0.9 * series[:, k - 1] + noise[:, k]
    return series


def line_claims_growth(means: np.ndarray) -> bool:
    """The naive way: the lower bound of a regression line's slope lies above zero."""
    x = np.arange(LOOPS) - (LOOPS - 1) / 2
    slope = x @ means / (x @ x)
    left = means - means.mean() - slope * x
    error = np.sqrt(left @ left / (LOOPS - 2) / (x @ x))
    return bool(slope - students_t.quantile(0.975, LOOPS - 2) * error > 0)


def called_drift(series: np.ndarray) -> float:
    return float(np.mean([(growth_per_loop(means).low or 0.0) > 0 for means in series]))


def integrated_error() -> float:
    """The greatest |d| of ten minutes of a state that adds up what it hears, streamed with ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        report = drift_of(Path(folder), graph(1.0), graph(1.0, 1 + GAIN_ERROR), tolerance=0.005)
    found = state(report, FREE_RUNNING).max_abs
    assert found is not None
    return found


def rows(runs: int = 3000) -> list[Row]:
    series = wandering("walk", np.random.default_rng(16), runs)
    truth = CHUNKS * STEP
    return [
        Row(
            16,
            "states that wander without a trend and are called a drift (2.5 % nominal)",
            at_most(3.5),
            100 * called_drift(series),
            100 * float(np.mean([line_claims_growth(means) for means in series])),
            "a regression line over the loops",
        ),
        Row(
            16,
            "error of the greatest difference from fp32 in ten minutes of a state that adds up its error",
            at_most(1),
            100 * abs(integrated_error() / truth - 1),
            100 * (1 - CLIP_S / CHUNK_S * STEP / truth),
            f"one clip of {CLIP_S:g} s is compared",
        ),
    ]
