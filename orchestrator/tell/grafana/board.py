"""What the dashboards have in common: head, links between them, annotations, and the JSON that Grafana reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from orchestrator.tell.grafana import variables
from orchestrator.tell.grafana.variables import SOURCE

TAG = "earshot"
# Annotations that `earshot dashboards push` writes carry these beside TAG.
CHANGE_POINT, DEPLOY = "change-point", "deploy"
GRAFANA_ITSELF = DataSourceRef(type_val="grafana", uid="-- Grafana --")
QUARTER, SIX_HOURS = "now-90d", "now-6h"


@dataclass(frozen=True)
class Section:
    title: str
    panels: Sequence[Any]


@dataclass(frozen=True)
class Board:
    """``job_metric``: the metric whose jobs can be chosen. ``nightly``: its points are a day apart, and it shows what
    changed between them.
    """

    uid: str
    title: str
    about: str
    job_metric: str
    variables: Sequence[build.QueryVariable | build.TextBoxVariable]
    sections: Sequence[Section]
    nightly: bool = True

    @property
    def file_name(self) -> str:
        return f"{self.uid}.json"

    def as_json(self) -> dict[str, Any]:
        """Grafana's dashboard model."""
        model: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(self._built().build()))
        panels = [inner for outer in model["panels"] for inner in (outer, *outer.get("panels", ()))]
        for number, panel in enumerate(panels, start=1):
            panel["id"] = number
        # Where Grafana has this dashboard already, it is this one and no other.
        return {**model, "id": None, "editable": True}

    def _built(self) -> build.Dashboard:
        board = build.Dashboard(self.title).uid(self.uid).description(self.about).tags([TAG])
        board = board.time(QUARTER if self.nightly else SIX_HOURS, "now").timezone("browser")
        board = board.refresh("5m" if self.nightly else "1m").tooltip(DashboardCursorSync.CROSSHAIR)
        board = board.with_variable(variables.source()).with_variable(variables.job(self.job_metric))
        for variable in self.variables:
            board = board.with_variable(variable)
        others = build.DashboardLink("Earshot").type(DashboardLinkType.DASHBOARDS).tags([TAG])
        board = board.link(others.as_dropdown(True).keep_time(self.nightly).include_vars(True))
        if self.nightly:
            board = board.annotations([_verdicts(), _pushed(DEPLOY, "blue", True), _pushed(CHANGE_POINT, "red", False)])
        for section in self.sections:
            board = board.with_row(build.Row(section.title))
            for panel in section.panels:
                board = board.with_panel(panel)
        return board


def _verdicts() -> build.AnnotationQuery:
    """Told by Prometheus itself, so that they are there without a push. An hour's step has 2160 points in 90 days;
    Prometheus answers up to 11,000.
    """
    expr = (
        "max by (model, precision, device, metric, kind) "
        '(last_over_time(earshot_regression_effect_ratio{job=~"$job", kind!="suspect"}[1h]))'
    )
    found = build.AnnotationQuery().name("Verdicts of nights").datasource(SOURCE).enable(True).icon_color("red")
    found = found.expr(expr).step("1h").title_format("{{kind}}: {{metric}}")
    return found.text_format("{{model}} {{precision}} on {{device}}").tag_keys("kind,metric")


def _pushed(what: str, colour: str, shown: bool) -> build.AnnotationQuery:
    """Change points say since when, which a verdict's own time does not; off, so that they do not show twice."""
    found = build.AnnotationQuery().name(f"Pushed: {what}s").datasource(GRAFANA_ITSELF).icon_color(colour)
    asked: Any = build.AnnotationTarget().tags([TAG, what]).type("tags").limit(200).match_any(False)
    return found.enable(shown).target(asked)
