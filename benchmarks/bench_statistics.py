"""Statistics of a million chunks, as ratios to the plainest numpy and pandas script that prints the same percentiles.

Three figures, each the median of interleaved repetitions (ours, numpy, pandas; the order turns each time):
p50 / p90 / p99 / p99.9 with their intervals over one series of a million chunks, against the percentiles alone;
the same per session over 1,000 sessions of 1,000 chunks; and the class and length of the warm-up of 100,000 chunks in
ms. Beside them the paired bootstrap (10,000 resamples, 1,000 items) against drawing items one by one.

    python benchmarks/bench_statistics.py [--repetitions 7]
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from orchestrator.statistics.bootstrap import RESAMPLES, paired_difference
from orchestrator.statistics.percentiles import QUANTILES, percentiles
from orchestrator.statistics.warmup import classify

WARM_UP_TARGET_MS = 50.0
SESSIONS = 1000


def seconds(tasks: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Median time of each task; every repetition runs them all, starting with another one."""
    names = list(tasks)
    found: dict[str, list[float]] = {name: [] for name in tasks}
    for repetition in range(repetitions):
        turn = repetition % len(names)
        for name in names[turn:] + names[:turn]:
            begin = time.perf_counter()
            tasks[name]()
            found[name].append(time.perf_counter() - begin)
    return {name: float(np.median(times)) for name, times in found.items()}


def plain_bootstrap(errors: np.ndarray, baseline: np.ndarray, counts: np.ndarray) -> float:
    drawn = np.random.default_rng(1).integers(0, len(errors), (RESAMPLES, len(errors)))
    return float(np.quantile((errors - baseline)[drawn].sum(axis=1) / counts[drawn].sum(axis=1), 0.95))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    chunks = (2e6 * np.exp(0.1 * rng.standard_normal(1_000_000))).astype(np.int64)
    rows = chunks.reshape(SESSIONS, -1)
    frame = pd.DataFrame({"session": np.repeat(np.arange(SESSIONS), rows.shape[1]), "ns": chunks})
    quantiles, run = list(QUANTILES), chunks[:100_000]
    counts = rng.integers(3, 9, 1000)
    errors, baseline = rng.binomial(counts, 0.06), rng.binomial(counts, 0.05)

    one = seconds(
        {
            "ours": lambda: percentiles(chunks),
            "numpy": lambda: np.quantile(chunks, quantiles),
            "pandas": lambda: frame["ns"].quantile(quantiles),
        },
        options.repetitions,
    )
    many = seconds(
        {
            "ours": lambda: [percentiles(row) for row in rows],
            "numpy": lambda: [np.quantile(row, quantiles) for row in rows],
            "pandas": lambda: frame.groupby("session")["ns"].quantile(quantiles),
        },
        options.repetitions,
    )
    resampled = seconds(
        {
            "ours": lambda: paired_difference(errors, baseline, counts, seed=1),
            "plain": lambda: plain_bootstrap(errors, baseline, counts),
        },
        options.repetitions,
    )
    warm_up_ms = 1e3 * seconds({"ours": lambda: classify(run)}, options.repetitions)["ours"]
    figures = {
        "one_series_ms": 1e3 * one["ours"],
        "one_series_over_numpy": one["ours"] / one["numpy"],
        "one_series_over_pandas": one["ours"] / one["pandas"],
        "per_session_ms": 1e3 * many["ours"],
        "per_session_over_numpy": many["ours"] / many["numpy"],
        "per_session_over_pandas": many["ours"] / many["pandas"],
        "bootstrap_ms": 1e3 * resampled["ours"],
        "bootstrap_over_plain": resampled["ours"] / resampled["plain"],
        "warm_up_100k_ms": warm_up_ms,
        "warm_up_over_target": warm_up_ms / WARM_UP_TARGET_MS,
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:26} {value:8.3f}")


if __name__ == "__main__":
    main()
