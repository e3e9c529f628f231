"""Every query of a dashboard put to a Prometheus, with its variables resolved as Grafana resolves them."""

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import MonitoringError
from orchestrator.tell.grafana.model import (
    VARIABLE,
    Model,
    Target,
    annotations_of,
    selectors_of,
    targets_of,
    variables_of,
)
from orchestrator.tell.telemetry.names import METRICS, VERDICT
from orchestrator.tell.telemetry.server import Away, Server

# What a panel of this width asks for at most; Prometheus answers up to 11,000.
MOST_POINTS = 1000
# 200 series of so many points are 8 MB; Prometheus gives a query two minutes.
MOST_ANSWER_BYTES, ANSWER_TIMEOUT_S = 64 << 20, 130.0
# As prometheus.yml has it; Grafana's default for $__rate_interval is four of them (grafana.com/docs: Prometheus).
_SCRAPE_S = 15.0
_HINT = "is this its address, with the port and the path?"
_LABEL_VALUES = re.compile(r"label_values\((.*),\s*(\w+)\)$", re.DOTALL)
_SPECIAL = re.compile(r"[$^*{}\[\]\'+?.()|\\]")
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604_800.0, "M": 2_629_800.0, "y": 31_557_600.0}


@dataclass(frozen=True)
class Answer:
    """``series``: how many came. ``problem``: why none did where some should have. ``result``: as Prometheus has it."""

    target: Target
    expr: str
    series: int
    problem: str | None
    result: Sequence[Mapping[str, Any]]


class Prometheus:
    """Its HTTP API. Raises MonitoringError where nobody answers, or not as Prometheus does."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of the answer. Raises ValueError with the server's words where it refuses the question."""
        pairs = [("match[]" if name == "match" else name, value) for name, value in parameters.items()]
        try:
            answer = self._server.get(f"{path}?{urllib.parse.urlencode(pairs)}")
            said = json.loads(answer.text)
            known = "data" in said or "error" in said
        except (Away, ValueError, TypeError) as exc:
            raise MonitoringError(f"no answer of a Prometheus: {exc}", hint=_HINT) from exc
        if not known:
            raise MonitoringError(f"no answer of a Prometheus: {answer.text[:200]}", hint=_HINT)
        if answer.status != 200:
            raise ValueError(str(said.get("error")))
        return said["data"]


def ask(
    model: Model, prometheus: Prometheus, end_s: float, chosen: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Answer]:
    """All queries over the time that the dashboard opens with, up to ``end_s``. ``chosen``: values of variables, where
    others are wanted than it opens with. A variable without a value is a problem of every query.
    """
    begin_s = end_s - _span_s(model["time"]["from"])
    values, missing = resolve(model, prometheus, begin_s, end_s, chosen or {})
    span_s = _span_s(model["time"]["from"])
    for target in targets_of(model):
        own_s = _span_s(target.back) if target.back else span_s
        step_s = max(seconds(target.min_step) if target.min_step else _SCRAPE_S, own_s / MOST_POINTS)
        yield _answer(target, values, missing, prometheus, (end_s, own_s, step_s))
    for mark in annotations_of(model):
        # Marks are asked with their own step, however long the span.
        yield _answer(mark, values, missing, prometheus, (end_s, span_s, seconds(str(mark.min_step))))


def _answer(
    target: Target,
    values: Mapping[str, str],
    missing: Sequence[str],
    prometheus: Prometheus,
    times_s: tuple[float, float, float],
) -> Answer:
    """``times_s``: end, span, step."""
    end_s, span_s, step_s = times_s
    expr = interpolated(target.expr, {**values, **_grafanas_own(step_s, span_s)})
    if missing:
        return Answer(target, expr, 0, f"no value for {', '.join(missing)}", ())
    return _asked(target, expr, prometheus, end_s, span_s, step_s)


def _asked(target: Target, expr: str, prometheus: Prometheus, end_s: float, span_s: float, step_s: float) -> Answer:
    try:
        if target.instant:
            found = prometheus.get("/api/v1/query", query=expr, time=f"{end_s:.3f}")
        else:
            begin_s = end_s - span_s
            span = {"start": f"{begin_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:.3f}"}
            found = prometheus.get("/api/v1/query_range", query=expr, **span)
    except ValueError as exc:
        return Answer(target, expr, 0, f"refused: {exc}", ())
    result = found["result"]
    return Answer(target, expr, len(result), None if result or _may_be_empty(target) else "no data", result)


def _may_be_empty(target: Target) -> bool:
    """It asks only for verdicts, and nights need not have told any."""
    asked = {selector.metric for selector in selectors_of(target.expr)}
    return all(name in METRICS and METRICS[name].source == VERDICT for name in asked)


def resolve(
    model: Model, prometheus: Prometheus, begin_s: float, end_s: float, chosen: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], list[str]]:
    """Variables as they stand in queries, and the names of those that have no value."""
    values: dict[str, str] = {}
    missing = []
    for variable in variables_of(model):
        if variable["type"] != "query":
            continue
        name = variable["name"]
        options = _options(variable, prometheus, begin_s, end_s, values)
        # All of nothing is still an expression; one of nothing is no value.
        if not options and not variable.get("multi"):
            missing.append(name)
        values[name] = _standing(variable, options, chosen.get(name))
    return values, missing


def _options(
    variable: Model, prometheus: Prometheus, begin_s: float, end_s: float, values: Mapping[str, str]
) -> list[str]:
    found = _LABEL_VALUES.match(variable["query"])
    if found is None:
        raise ValueError(f"variable {variable['name']} is asked by {variable['query']}, not by label_values")
    match = interpolated(found[1], values)
    options = prometheus.get(
        f"/api/v1/label/{found[2]}/values", match=match, start=f"{begin_s:.3f}", end=f"{end_s:.3f}"
    )
    # Sort 2 is alphabetical, falling (VariableSort).
    return sorted(options, reverse=variable.get("sort") == 2)


def _standing(variable: Model, options: Sequence[str], chosen: Sequence[str] | None) -> str:
    """As Grafana's Prometheus data source writes it: values of several are regular expressions, a single one is not."""
    if not variable.get("multi"):
        picked = chosen[0] if chosen else options[0] if options else ""
        return picked.replace("\\", "\\\\").replace('"', '\\"')
    if not chosen:
        return str(variable["allValue"])
    # A backslash of the expression is two in a string of PromQL.
    escaped = [
        _SPECIAL.sub(lambda found: "\\\\" + ("\\\\" if found[0] == "\\" else found[0]), value) for value in chosen
    ]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """A variable that is not known stays as it is, and Prometheus refuses the query."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[2], found[0])

    return VARIABLE.sub(value, text)


def _grafanas_own(step_s: float, span_s: float) -> dict[str, str]:
    rate_s = max(step_s + _SCRAPE_S, 4 * _SCRAPE_S)
    return {"__interval": f"{step_s:.0f}s", "__rate_interval": f"{rate_s:.0f}s", "__range": f"{span_s:.0f}s"}


def _span_s(begin: str) -> float:
    """``begin``: now-..., as a dashboard's time has it, or without now."""
    return seconds(begin.removeprefix("now-"))


def seconds(text: str) -> float:
    """Of a duration as Grafana writes it, such as 90d or 15s. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d+)([smhdwMy])", text)
    if found is None:
        raise ValueError(f"{text!r} is no duration of Grafana's")
    return float(found[1]) * _UNITS_S[found[2]]
