"""A device's noise floor from A/A runs: pairs of runs of one candidate, which in truth do not differ.

Of 2n runs in a row, runs 2i and 2i + 1 are a pair; which of the two is called A is drawn with the seed and mirrored
from pair to pair, as in a comparison.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.decide.comparison.effect import detectable_share, ratio_of
from orchestrator.decide.comparison.runs import METRICS, Block, typical, values_of
from orchestrator.decide.selection.figures import Run
from orchestrator.domain.calibration import Noise
from orchestrator.errors import BadInput
from orchestrator.statistics import power
from orchestrator.statistics.autocorrelation import lag1

# The numbers of runs that a table of minimum detectable effects has.
RUN_COUNTS = (3, 5, 6, 10, 20)
_CHUNKS = {"latency_p50_ms": lambda run: run.steady.latency_ns, "service_p50_ms": lambda run: run.steady.service_ns}


def noise_of(pairs: Sequence[tuple[Run, Run]]) -> dict[str, Noise]:
    """By metric; one that a run could not say is absent. ``pairs`` of (A, A'), at least 2, in the order of time."""
    if len(pairs) < 2:
        raise BadInput(f"a noise floor needs at least 2 pairs of good runs, there are {len(pairs)}")
    found = {metric: _noise(metric, pairs) for metric in METRICS}
    return {metric: noise for metric, noise in found.items() if noise is not None}


def _noise(metric: str, pairs: Sequence[tuple[Run, Run]]) -> Noise | None:
    sides = [values_of({("", i): pair[side] for i, pair in enumerate(pairs)}, metric) for side in (0, 1)]
    a, b = sides
    if isinstance(a, str) or isinstance(b, str):
        return None
    ratio, _ = ratio_of(a, b)
    assert ratio.value is not None
    assert ratio.low is not None
    assert ratio.high is not None
    both = {("A", k[1]): v for k, v in a.items()} | {("B", k[1]): v for k, v in b.items()}
    return Noise(
        value=typical(both),
        between=float(np.std(np.log(list(both.values())), ddof=1)),
        paired=float(np.std([math.log(b[k] / a[k]) for k in a], ddof=1)),
        pairs=len(pairs),
        run_lag1=lag1(np.array(_in_time(pairs, a, b))),
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        **_within(metric, [run for pair in pairs for run in pair]),
    )


def _in_time(pairs: Sequence[tuple[Run, Run]], a: Mapping[Block, float], b: Mapping[Block, float]) -> list[float]:
    runs = [(run.block, side["", i]) for i, pair in enumerate(pairs) for run, side in zip(pair, (a, b), strict=True)]
    return [math.log(value) for _, value in sorted(runs)]


def _within(metric: str, runs: Sequence[Run]) -> dict[str, float]:
    read = _CHUNKS.get(metric)
    if read is None:
        return {}
    chunks: list[NDArray[np.float64]] = [np.log(read(run).astype(np.float64)) for run in runs]
    return {
        "within": statistics.median(float(values.std()) for values in chunks),
        "chunk_lag1": statistics.median(lag1(values) for values in chunks),
    }


def detectable_by_runs(noise: Noise) -> dict[int, float]:
    """Number of paired runs -> the smallest true difference, as a share, that they find."""
    found = {runs: detectable_share(noise.paired, noise.between, noise.pairs, runs) for runs in RUN_COUNTS}
    return {runs: share for runs, share in found.items() if share is not None}


def recommended_runs(noise: Noise, effect: float) -> int | None:
    """Paired runs that find a difference of ``effect`` (a share) with 80 % at alpha 5 %; None: more than can be run."""
    if not 0.0 < effect < 1.0:
        raise BadInput(f"effect must be a share in 0..1, got {effect:g}", hint="--effect 0.03 is 3 %")
    return power.pairs_to_find(power.pilot_bound(noise.paired, noise.pairs - 1), math.log1p(effect))
