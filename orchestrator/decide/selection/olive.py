"""Goals and objective of a Microsoft Olive workflow: the metrics of its evaluator, in the JSON of its configuration.

Form: Olive's documentation, "How to configure metrics" and "Olive options" (``evaluators``, ``sub_types``, ``goal``,
``priority``). What Olive calls latency is the time of a call in a closed loop, which is Earshot's service time.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.decide.selection.goals import ACCURACY, QUALITY_LOSS, THRESHOLD, Goal, by_metric
from orchestrator.decide.selection.names import nearest_name
from orchestrator.decide.selection.request import Request, number
from orchestrator.errors import BadInput

# (type, sub type) -> metric. Olive's average is read as the median, which a stall does not move.
_METRICS = {
    ("latency", "avg"): "service_p50_ms",
    ("latency", "p50"): "service_p50_ms",
    ("latency", "p99"): "service_p99_ms",
    ("size_on_disk", "bytes"): "size_mb",
}
# Sub types of accuracy of which less is better.
_ERROR_RATES = ("perplexity", "wer", "cer")
_BYTES_PER_MB = 1e6


def read_olive(path: Path) -> Request:
    """Its goals, and as the objective the metric of the first priority that has a figure to be minimized.

    Raises BadInput for what is not such a file, several evaluators of which none is chosen, and a goal for a metric
    that Earshot does not measure.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadInput(f"cannot read the constraints {path}: {exc.strerror}", hint="check the path") from exc
    except ValueError as exc:
        raise BadInput(f"{path} is not JSON: {exc}", hint="a file of Earshot's own form ends in .toml") from exc
    subs = [(metric, sub) for metric in _metrics(data, path) for sub in _list(metric, "sub_types", path)]
    goals = [goal for metric, sub in subs if (goal := _goal(metric, sub, path)) is not None]
    ranked = sorted(
        (sub["priority"], name)
        for metric, sub in subs
        if isinstance(sub.get("priority"), int) and sub["priority"] > 0
        if (name := _METRICS.get((str(metric.get("type")), str(sub.get("name"))))) not in (None, "service_p99_ms")
    )
    return Request(ranked[0][1] if ranked else None, goals=by_metric(goals))


def _metrics(data: Any, path: Path) -> Sequence[Mapping[str, Any]]:
    """Of the file itself, of its only evaluator, or of the one that it names."""
    if isinstance(data, Mapping) and "metrics" in data:
        return _list(data, "metrics", path)
    evaluators = data.get("evaluators") if isinstance(data, Mapping) else None
    if not isinstance(evaluators, Mapping) or not evaluators:
        raise BadInput(f"{path} has neither metrics nor evaluators", hint="an Olive workflow has evaluators")
    engine = data.get("engine")
    chosen = data.get("evaluator") or (engine.get("evaluator") if isinstance(engine, Mapping) else None)
    if chosen is None and len(evaluators) > 1:
        raise BadInput(f"{path} has several evaluators and chooses none: {', '.join(evaluators)}")
    name = next(iter(evaluators)) if chosen is None else str(chosen)
    if not isinstance(evaluators.get(name), Mapping):
        raise BadInput(f"{path} chooses the evaluator {name!r}, which it has not{nearest_name(name, evaluators)}")
    return _list(evaluators[name], "metrics", path)


def _list(of: Mapping[str, Any], key: str, path: Path) -> Sequence[Mapping[str, Any]]:
    found = of.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise BadInput(f"{key} in {path} must be a list of objects, got {found!r}")
    return found


def _goal(metric: Mapping[str, Any], sub: Mapping[str, Any], path: Path) -> Goal | None:
    said = sub.get("goal")
    if said is None:
        return None
    kind, what = str(metric.get("type")), f"the goal of {metric.get('type')} {sub.get('name')} in {path}"
    if not isinstance(said, Mapping) or set(said) != {"type", "value"}:
        raise BadInput(f"{what} must have type and value, got {said!r}")
    value = number(what, said["value"])
    if kind == "accuracy":
        return Goal.of(_quality(sub), str(said["type"]), value)
    name = _METRICS.get((kind, str(sub.get("name"))))
    if name is None:
        known = ", ".join(f"{k} {s}" for k, s in _METRICS)
        raise BadInput(f"{what} is about a figure that Earshot does not have", hint=f"it has accuracy, {known}")
    absolute = not str(said["type"]).startswith("percent")
    return Goal.of(name, str(said["type"]), value / _BYTES_PER_MB if absolute and name == "size_mb" else value)


def _quality(sub: Mapping[str, Any]) -> str:
    less = sub.get("higher_is_better") is False or sub.get("name") in _ERROR_RATES
    if less and isinstance(goal := sub.get("goal"), Mapping) and goal.get("type") == THRESHOLD:
        raise BadInput(
            f"a threshold of the error rate {sub.get('name')!r} cannot be read",
            hint="give it as the accuracy 1 - error rate, or as a max-degradation",
        )
    return QUALITY_LOSS if less else ACCURACY
