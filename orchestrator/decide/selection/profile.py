"""The score of a weighted profile, as one more figure of each candidate."""

import math
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.figures import RunValues
from orchestrator.domain.decision import MORE_IS_BETTER, SCORE, Estimate, as_cost
from orchestrator.statistics.intervals import mean_interval

# Metric -> its share of the profile.
Weights = Mapping[str, float]


def with_score(evidence: Evidence, weights: Weights, confidence: float, unit: float | None = None) -> Evidence:
    """With the metric ``SCORE``: the weighted geometric mean of its figures, in units of the fp32 default's score.

    Run by run where every figure has values of runs or is known exactly; else its interval is that of all figures at
    their worst and at their best, which is no narrower, as deviations that go together add up and others cancel.
    ``unit`` None: there is none, and the score is in units of its figures.
    """
    estimate, values = _score(evidence, weights, unit, confidence)
    metrics, by_block = {**evidence.metrics, SCORE: estimate}, {**evidence.values, SCORE: values}
    return replace(evidence, metrics=metrics, values=by_block)


def _score(evidence: Evidence, weights: Weights, unit: float | None, confidence: float) -> tuple[Estimate, RunValues]:
    for metric in weights:
        found = evidence.metrics[metric]
        if found.value is None or not found.value > 0.0:
            why = found.reason if found.value is None else f"{found.value:.3g} is not above zero, as ratios need it"
            return Estimate(None, n=found.n, reason=f"{metric} is not known: {why}"), {}
    note = "there is no fp32 default with these figures to relate it to" if unit is None else None
    values = {block: score / (unit or 1.0) for block, score in _by_block(evidence, weights).items()}
    if values:
        interval = mean_interval(list(values.values()), confidence)
        return Estimate(
            interval.value, interval.low, interval.high, interval.n, "runs", note or interval.reason
        ), values
    return _of_parts(evidence, weights, unit or 1.0, note), {}


def _by_block(evidence: Evidence, weights: Weights) -> RunValues:
    """Empty where a figure has neither values of runs that are above zero nor an exact one."""
    runs = {m: v for m in weights if (v := evidence.values.get(m)) and min(v.values()) > 0.0}
    exact = {m: float(e.low) for m in weights if (e := evidence.metrics[m]).low is not None and e.low == e.high}
    if not runs or not set(weights) <= {*runs, *exact}:
        return {}
    blocks = set.intersection(*(set(values) for values in runs.values()))
    return {b: _mean({**exact, **{m: v[b] for m, v in runs.items()}}, weights) for b in sorted(blocks)}


def _of_parts(evidence: Evidence, weights: Weights, unit: float, note: str | None) -> Estimate:
    parts = {metric: evidence.metrics[metric] for metric in weights}
    value = _mean({m: float(e.value or 0.0) for m, e in parts.items()}, weights) / unit
    ends = {m: _ends(m, e) for m, e in parts.items() if e.low is not None and e.low > 0 and e.basis != "chunks"}
    if len(ends) < len(parts):
        return Estimate(value, n=1, basis="parts", reason=note or "one of its figures has no interval over runs")
    best, worst = (_mean({m: both[side] for m, both in ends.items()}, weights) / unit for side in (0, 1))
    return Estimate(value, best, worst, min(e.n for e in parts.values()), "parts", note)


def _ends(metric: str, of: Estimate) -> tuple[float, float]:
    """The better end of an interval, then the worse one."""
    low, high = float(of.low or 0.0), math.inf if of.high is None else of.high
    return (high, low) if metric in MORE_IS_BETTER else (low, high)


def _mean(values: Weights, weights: Weights) -> float:
    return math.exp(sum(share * math.log(as_cost(metric, values[metric])) for metric, share in weights.items()))
