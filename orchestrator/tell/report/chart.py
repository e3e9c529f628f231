"""What every chart of the page shares: its place in the page, its colours, its width, its down-sampling."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

Rows = list[dict[str, Any]]
Float64 = NDArray[np.float64]

# Okabe and Ito's colours (https://jfly.uni-koeln.de/color/), by role; style.css gives each scheme its own value.
# Roles differ in shape as well, so that no figure rests on colour alone.
ROLES = ("winner", "default", "other", "rejected")
_COLOURS = ("var(--winner)", "var(--default)", "var(--other)", "var(--rejected)")
_SHAPES = ("diamond", "square", "circle", "cross")

_INK, _MUTED, _GRID = "var(--ink)", "var(--muted)", "var(--grid)"

CONFIG: dict[str, Any] = {
    "background": None,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": _GRID,
        "gridColor": _GRID,
        "tickColor": _GRID,
        "labelColor": _MUTED,
        "titleColor": _MUTED,
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 11,
        "labelLimit": 190,
        "titlePadding": 8,
    },
    "legend": {
        "labelColor": _INK,
        "titleColor": _MUTED,
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "symbolSize": 90,
        "labelLimit": 260,
    },
    "text": {"color": _INK, "fontSize": 12},
    "rule": {"color": _MUTED},
}


@dataclass(frozen=True)
class Chart:
    """``spec`` is Vega-Lite with its data inline; None where there is nothing to draw, and then ``absent`` says why.

    ``description`` stands for the picture where it cannot be seen.
    """

    name: str
    title: str
    caption: str
    description: str
    spec: dict[str, Any] | None
    absent: str | None = None

    def __post_init__(self) -> None:
        if (self.spec is None) == (self.absent is None):
            raise ValueError(f"chart {self.name} needs either a spec or the reason why there is none")


def no_chart(name: str, title: str, reason: str) -> Chart:
    return Chart(name, title, "", "", None, reason)


def drawn(name: str, title: str, caption: str, description: str, chart: Any, height: int) -> Chart:
    """``chart`` is an altair chart of one view; it takes the width of its box."""
    sized = chart.properties(
        width="container",
        height=height,
        description=description,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    return Chart(name, title, caption, description, sized.to_dict())


def inline(rows: Rows) -> Any:
    return alt.InlineData(values=[{k: _plain(v) for k, v in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    """Five significant digits are more than a screen shows, and halve the page."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return value


def role_colour(present: Iterable[str], legend: bool = True) -> Any:
    return _by_role(alt.Color, _COLOURS, present, legend)


def role_shape(present: Iterable[str], legend: bool = True) -> Any:
    return _by_role(alt.Shape, _SHAPES, present, legend)


def _by_role(channel: Any, values: tuple[str, ...], present: Iterable[str], legend: bool) -> Any:
    shown = set(present)
    scale = alt.Scale(domain=list(ROLES), range=list(values))
    return channel(
        "role:N", scale=scale, legend=alt.Legend(values=[r for r in ROLES if r in shown]) if legend else None
    )


def value_scale(values: list[float]) -> Any:
    """Logarithmic where the values span more than a factor of 8, else linear from their own range."""
    positive = [v for v in values if v > 0]
    if positive and len(positive) == len(values) and max(positive) / min(positive) > 8:
        return alt.Scale(type="log", nice=True)
    return alt.Scale(zero=False, nice=True)


@dataclass(frozen=True)
class Envelope:
    """A long series in few bins. ``per_bin`` is 1 where nothing was left out, else each bin keeps its extremes."""

    x: Float64
    low: Float64
    middle: Float64
    high: Float64
    per_bin: int

    def rows(self) -> Rows:
        columns = zip(self.x.tolist(), self.low.tolist(), self.middle.tolist(), self.high.tolist(), strict=True)
        return [{"x": x, "low": low, "middle": middle, "high": high} for x, low, middle, high in columns]


def envelope(x: Float64, y: Float64, bins: int = 300) -> Envelope:
    """Lowest, median and highest y of consecutive samples, at the first x of each bin; a spike is never lost."""
    per_bin = max(1, -(-len(y) // bins))
    edges = np.arange(0, len(y), per_bin)
    low, high = np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)
    middle = np.array([np.median(y[start : start + per_bin]) for start in edges])
    return Envelope(x[edges], low, middle, high, per_bin)
