"""Panels: each has a title, a description, a unit and its queries; the rest is alike everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statushistory, table
from grafana_foundation_sdk.builders import timeseries as time_series
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from orchestrator.tell.grafana.variables import SOURCE

# Nights are a day apart: points closer than this would only repeat the last one.
NIGHTLY_STEP = "1h"
GREEN, YELLOW, RED = "green", "yellow", "red"
Steps = Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Query:
    """``legend`` as Grafana writes it, ``{{label}}``. ``exemplar``: the points lead to the sessions behind them."""

    expr: str
    legend: str = "__auto"
    exemplar: bool = False


@dataclass(frozen=True)
class Link:
    """``url`` with Grafana's variables, such as ``${__field.labels.device}``."""

    title: str
    url: str

    def built(self) -> dashboard.DashboardLink:
        return dashboard.DashboardLink(self.title).url(self.url)

    def as_json(self) -> dict[str, Any]:
        return {"title": self.title, "url": self.url, "targetBlank": False}


@dataclass(frozen=True)
class Column:
    """Of a table: ``field`` is a label or ``Value``, shown as ``title``."""

    field: str
    title: str
    unit: str | None = None
    link: Link | None = None
    steps: Steps = ()


def lines(
    title: str,
    about: str,
    unit: str,
    queries: Sequence[Query],
    *,
    steps: Steps = (),
    links: Sequence[Link] = (),
    width: int = 12,
    interval: str = NIGHTLY_STEP,
    stacked: bool = False,
    zero: bool = False,
    back: str | None = None,
) -> time_series.Panel:
    """Courses in time. ``steps``: thresholds, drawn as lines. ``zero``: the axis begins at 0. ``back``: the span shown,
    whatever that of the dashboard is.
    """
    panel: time_series.Panel = _common(time_series.Panel(), title, about, unit, links)
    panel = panel.interval(interval).span(width).height(9)
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.RIGHT)
    panel = panel.legend(legend.show_legend(True).calcs(["lastNotNull"]))
    panel = panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    panel = panel.show_points(VisibilityMode.AUTO).line_width(1)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
    if zero:
        panel = panel.axis_soft_min(0)
    if back:
        panel = panel.time_from(back)
    if steps:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(_thresholds(steps)).thresholds_style(style)
    return panel.targets([_range(query, at) for at, query in enumerate(queries)])


def figure(
    title: str, about: str, unit: str, expr: str, *, steps: Steps = (), links: Sequence[Link] = (), width: int = 4
) -> stat.Panel:
    """One figure, coloured by ``steps``."""
    panel: stat.Panel = _common(stat.Panel(), title, about, unit, links).span(width).height(4)
    panel = panel.graph_mode(BigValueGraphMode.NONE).color_mode(BigValueColorMode.VALUE)
    panel = panel.thresholds(_thresholds(steps)).reduce_options(_last())
    return panel.with_target(_instant(Query(expr), 0))


def bars(
    title: str,
    about: str,
    unit: str,
    query: Query,
    *,
    steps: Steps = (),
    links: Sequence[Link] = (),
    width: int = 12,
) -> bargauge.Panel:
    """The newest values beside each other."""
    panel: bargauge.Panel = _common(bargauge.Panel(), title, about, unit, links).span(width).height(9)
    panel = panel.orientation(VizOrientation.HORIZONTAL).thresholds(_thresholds(steps)).reduce_options(_last())
    return panel.with_target(_instant(query, 0))


def history(
    title: str,
    about: str,
    unit: str,
    query: Query,
    *,
    steps: Steps,
    names: Mapping[str, str] | None = None,
    links: Sequence[Link] = (),
    width: int = 24,
    interval: str = "1d",
) -> statushistory.Panel:
    """A row for each series, a coloured cell for each interval. ``names``: value -> word."""
    panel: statushistory.Panel = _common(statushistory.Panel(), title, about, unit, links)
    panel = panel.interval(interval).span(width).height(9)
    panel = panel.thresholds(_thresholds(steps)).show_value(VisibilityMode.NEVER)
    panel = panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    if names:
        panel = panel.mappings([ValueMap({value: ValueMappingResult(text=word) for value, word in names.items()})])
    return panel.with_target(_range(query, 0))


def rows(
    title: str,
    about: str,
    unit: str,
    queries: Sequence[str],
    columns: Sequence[Column],
    *,
    hidden: Sequence[str] = (),
    width: int = 24,
    height: int = 9,
) -> table.Panel:
    """A table of the newest values. One query's value is the field ``Value``, several ones' are ``Value #A`` and so on.

    ``hidden``: labels that links need and nobody reads. Labels that are no column are left out.
    """
    panel: table.Panel = _common(table.Panel(), title, about, unit, ()).span(width).height(height).filterable(True)
    panel = panel.targets([_instant(Query(expr), at, PromQueryFormat.TABLE) for at, expr in enumerate(queries)])
    if len(queries) > 1:
        panel = panel.with_transformation(DataTransformerConfig("merge", options={}))
    kept = [*(column.field for column in columns), *hidden]
    panel = panel.with_transformation(DataTransformerConfig("filterFieldsByName", options={"include": {"names": kept}}))
    order = {
        "indexByName": {name: at for at, name in enumerate(kept)},
        "renameByName": {column.field: column.title for column in columns},
    }
    panel = panel.with_transformation(DataTransformerConfig("organize", options=order))
    for column in columns:
        if properties := _properties(column):
            panel = panel.with_override(MatcherConfig("byName", column.title), properties)
    for name in hidden:
        panel = panel.with_override(MatcherConfig("byName", name), [DynamicConfigValue("custom.hidden", True)])
    return panel


def _properties(column: Column) -> list[DynamicConfigValue]:
    found = []
    if column.unit:
        found.append(DynamicConfigValue("unit", column.unit))
    if column.link:
        found.append(DynamicConfigValue("links", [column.link.as_json()]))
    if column.steps:
        found.append(DynamicConfigValue("thresholds", _thresholds(column.steps).build()))
        found.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return found


def _common(panel: Any, title: str, about: str, unit: str, links: Sequence[Link]) -> Any:
    panel = panel.title(title).description(about).unit(unit).datasource(SOURCE)
    return panel.data_links([link.built() for link in links]) if links else panel


def _range(query: Query, at: int) -> prometheus.Dataquery:
    found = _query(query, at).range()
    return found.exemplar(True) if query.exemplar else found


def _instant(query: Query, at: int, shape: PromQueryFormat = PromQueryFormat.TIME_SERIES) -> prometheus.Dataquery:
    return _query(query, at).instant().format(shape)


def _query(query: Query, at: int) -> prometheus.Dataquery:
    found = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).datasource(SOURCE)
    return found.ref_id("ABCDEFGH"[at])


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Green up to the first of ``steps``, (from where on, colour)."""
    all_steps = [Threshold(None, GREEN), *(Threshold(value, colour) for value, colour in steps)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(all_steps)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
