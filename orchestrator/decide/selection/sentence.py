"""The decision in one sentence for a person."""

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.decide.selection.evidence import Evidence
from orchestrator.decide.selection.gates import Rejection
from orchestrator.decide.selection.words import NAMES, configuration, figure, interval_text, percent, unit
from orchestrator.domain.decision import METRIC_OF, METRICS, MORE_IS_BETTER, Estimate, Nearest, metric_of

_NOT_RACED = "not raced"


def winner_sentence(winner: Evidence, device: str, metric: str, gain: Estimate, cost: Estimate) -> str:
    """Which configuration wins here, by how much against the fp32 default, and what it costs in quality."""
    name = NAMES[metric][0]
    if gain.value is None:
        value = figure(winner.value(metric))
        by = f"{name} {value} {unit(metric)}; no gain over the fp32 default can be stated: {gain.reason}"
    else:
        runs = "" if gain.low == gain.high else f", {gain.n} paired runs" if gain.n > 1 else ", 1 paired run"
        less, more = ("lower", "higher") if metric not in MORE_IS_BETTER else ("higher", "lower")
        side = f"{figure(gain.value)}x {less}" if gain.value >= 1 else f"{figure(1 / gain.value)}x {more}"
        by = f"{side} {name} than the fp32 default ({interval_text(gain)}{runs})"
    return f"{configuration(winner.candidate)} wins on {device}: {by}, {_cost(cost)}."


def default_sentence(winner: Evidence, device: str, metric: str, closest: str | None) -> str:
    """Why the default stays."""
    plain = f"the fp32 default ({configuration(winner.candidate)}) stays on {device}"
    name, value = NAMES[metric][0], figure(winner.value(metric))
    if closest is None:
        return f"{plain}: no other configuration passed the gates and was raced; its {name} is {value} {unit(metric)}."
    return f"{plain} with a {name} of {value} {unit(metric)}: nothing beats it beyond the noise; {closest}."


def nearest_sentence(model: str, device: str, nearest: Nearest, evidence: Evidence, relax: Sequence[str]) -> str:
    """Which limit binds, what the nearest reaches, and the flags under which it would do."""
    metric = metric_of(nearest.constraint)
    of, missing = METRICS[metric], evidence.metrics[metric].reason
    limit = f" = {nearest.limit:g} {of}" if nearest.constraint in METRIC_OF else f" ({figure(nearest.limit)} {of})"
    reached = (
        f"has no such figure ({missing})" if nearest.reached is None else f"reaches {figure(nearest.reached)} {of}"
    )
    would = f" It would pass with {' '.join(relax)}." if relax else ""
    return (
        f"no configuration of {model} meets the constraints on {device}: {nearest.constraint}{limit} is binding, and "
        f"the nearest, {evidence.candidate.label}, {reached}.{would}"
    )


def nobody_sentence(model: str, device: str, rejections: Iterable[Rejection | None]) -> str:
    """Which gates left nobody."""
    return f"no configuration of {model} can be recommended on {device}: {_obstacles(list(rejections))}."


def _obstacles(rejections: Sequence[Rejection | None]) -> str:
    """How many each gate rejected, and the first reason of the gate that rejected most."""
    gates = Counter(r.gate if r else _NOT_RACED for r in rejections).most_common()
    if not gates:
        return "nothing was measured"
    counts = ", ".join(f"{count} {gate}" for gate, count in gates)
    most = next((gate for gate, _ in gates if gate != _NOT_RACED), None)
    reason = next((r.reason for r in rejections if r is not None and r.gate == most), None)
    return f"{counts} ({reason})" if reason else counts


def _cost(cost: Estimate) -> str:
    if cost.value is None:
        return f"at an unknown error rate ({cost.reason})"
    if cost.value == cost.high == 0.0:
        return "at the same error rate on every evaluation item"
    bound = "" if cost.high is None else f" (upper bound {percent(cost.high)})"
    return f"at {percent(cost.value, sign=True)}{bound} error rate"
