"""Rules that a dashboard keeps: those of Grafana's dashboard-linter that hold here, by the same names
(github.com/grafana/dashboard-linter, docs/index.md), and our own. Left out, as dashboards/grafana/.lint tells the
linter itself: rules about the label ``instance``, which names the controller that wrote a figure, not the device it is
about.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grafana_foundation_sdk.models import units

from orchestrator.tell.grafana.board import GRAFANA_ITSELF
from orchestrator.tell.grafana.model import (
    Model,
    annotations_of,
    panels_of,
    selectors_of,
    targets_of,
    used_in,
    variables_of,
)
from orchestrator.tell.telemetry.names import METRICS

_SOURCE = "$datasource"
_UNITS = {value for name, value in vars(units).items() if not name.startswith("_") and isinstance(value, str)}
# Series that Prometheus makes itself.
_OF_PROMETHEUS = {"ALERTS": {"alertname", "alertstate", "severity"}, "up": set()}
_OUTER = {"job", "instance"}
_COUNTED = re.compile(r"(?:rate|irate|increase)\(\s*$")
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_FIELD = re.compile(r"__data\.fields\.(\w+)")
_BOARD_LINK = re.compile(r"/d/([a-z0-9-]+)")


@dataclass(frozen=True)
class Problem:
    rule: str
    board: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.board}: {self.where}: {self.message} ({self.rule})"


def lint(models: Iterable[Model]) -> list[Problem]:
    """Of all dashboards together, as they link to each other."""
    every = list(models)
    uids = {model["uid"] for model in every}
    return [problem for model in every for problem in _one(model, uids)]


def _one(model: Model, uids: set[str]) -> Iterator[Problem]:
    board = model["title"]
    for rule, where, message in (
        *_variables(model),
        *_panels(model),
        *_names(model),
        *_targets(model),
        *_whole(model, uids),
    ):
        yield Problem(rule, board, where, message)


Found = tuple[str, str, str]


def _variables(model: Model) -> Iterator[Found]:
    all_of_them = variables_of(model)
    sources = [each for each in all_of_them if each["type"] == "datasource"]
    if [(each["name"], each["label"], each["query"]) for each in sources] != [
        ("datasource", "Data source", "prometheus")
    ]:
        yield "template-datasource-rule", "datasource", "there must be one data source variable, named datasource"
    jobs = [each for each in all_of_them if each["name"] == "job"]
    if not jobs or not jobs[0].get("multi") or jobs[0].get("allValue") != ".+":
        yield "template-job-rule", "job", "there must be a variable job with several values, and .+ for all"
    known: set[str] = {"datasource"}
    for each in all_of_them:
        if each["type"] == "query":
            if each.get("refresh") != 2:
                yield "template-on-time-change-reload-rule", each["name"], "must be asked anew when the time changes"
            if missing := used_in(each["query"]) - known:
                yield (
                    "template-label-promql-rule",
                    each["name"],
                    f"uses {', '.join(sorted(missing))} before it is asked",
                )
        known.add(each["name"])


def _panels(model: Model) -> Iterator[Found]:
    for panel in panels_of(model):
        title = panel.get("title", "")
        if not title or not panel.get("description"):
            yield "panel-title-description-rule", title or "?", "must have a title and a description"
        if panel.get("fieldConfig", {}).get("defaults", {}).get("unit") not in _UNITS:
            yield "panel-units-rule", title, "must have a unit that Grafana knows"
        if panel.get("datasource", {}).get("uid") != _SOURCE:
            yield "panel-datasource-rule", title, f"must ask {_SOURCE}"
        if not panel.get("targets"):
            yield "panel-no-targets-rule", title, "asks nothing"


def _names(model: Model) -> Iterator[Found]:
    """What legends, columns and links take from an answer is there in one."""
    for panel in panels_of(model):
        metrics = {each.metric for target in panel.get("targets", ()) for each in selectors_of(target["expr"])}
        labels = {*_OUTER, *(label for name in metrics if name in METRICS for label in METRICS[name].labels)}
        legends = {name for target in panel.get("targets", ()) for name in _LEGEND.findall(target["legendFormat"])}
        kept = {
            name
            for each in panel.get("transformations", ())
            if each["id"] == "filterFieldsByName"
            for name in each["options"]["include"]["names"]
            if not name.startswith("Value")
        }
        linked = set(_FIELD.findall(json.dumps(panel)))
        if unknown := (legends | kept) - labels:
            yield "label-there-rule", panel["title"], f"no answer has a label {', '.join(sorted(unknown))}"
        if missing := linked - kept:
            yield "label-there-rule", panel["title"], f"a link needs the column {', '.join(sorted(missing))}"


def _targets(model: Model) -> Iterator[Found]:
    for target in (*targets_of(model), *annotations_of(model)):
        where = f"{target.panel} {target.ref}"
        for selector in selectors_of(target.expr):
            if selector.metric in _OF_PROMETHEUS:
                known = _OF_PROMETHEUS[selector.metric] | _OUTER
            elif selector.metric in METRICS:
                known = {*METRICS[selector.metric].labels, *_OUTER}
            else:
                yield "metric-registered-rule", where, f"{selector.metric} is no metric of Earshot"
                continue
            labels = {label for label, _, _ in selector.matchers}
            if "job" not in labels and selector.metric != "ALERTS":
                yield "target-job-rule", where, f"{selector.metric} has no matcher for job"
            if unknown := labels - known:
                yield "metric-registered-rule", where, f"{selector.metric} has no label {', '.join(sorted(unknown))}"
        if _bare_counter(target.expr):
            yield "target-counter-agg-rule", where, "a counter must be in rate, irate or increase"


def _bare_counter(expr: str) -> bool:
    found = re.finditer(r"\b\w+_total\b", expr)
    return any(_COUNTED.search(expr[: each.start()]) is None for each in found)


def _whole(model: Model, uids: set[str]) -> Iterator[Found]:
    text = json.dumps([model["panels"], model["annotations"], model.get("links", [])])
    names = {each["name"] for each in variables_of(model)}
    asked = json.dumps([each.get("query") for each in variables_of(model)])
    if undefined := used_in(text) - names:
        yield "variable-defined-rule", "queries", f"there is no variable {', '.join(sorted(undefined))}"
    if unused := names - used_in(text) - used_in(asked):
        yield "variable-used-rule", "variables", f"nothing uses {', '.join(sorted(unused))}"
    for uid in sorted(set(_uids(model)) - {_SOURCE, GRAFANA_ITSELF.uid}):
        yield "no-hard-coded-uid-rule", "data sources", f"{uid} is the name of one data source"
    for uid in sorted(set(_BOARD_LINK.findall(text)) - uids):
        yield "element-reference-rule", "links", f"there is no dashboard {uid}"
    for what in ("id", "title"):
        values = [panel[what] for panel in model["panels"] if panel["type"] != "row"]
        if len(set(values)) != len(values):
            yield "panel-id-rule", "panels", f"two panels have one {what}"


def _uids(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        source = node.get("datasource")
        if isinstance(source, dict):
            yield str(source.get("uid"))
        for each in node.values():
            yield from _uids(each)
    elif isinstance(node, list):
        for each in node:
            yield from _uids(each)
