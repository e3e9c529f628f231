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
        "labelSeparation": 5,
        "titlePadding": 8,
    },
    "text": {"color": _INK, "fontSize": 12},
    "rule": {"color": _MUTED},
}


@dataclass(frozen=True)
class Chart:
    """``spec`` is Vega-Lite with its data inline; None where there is nothing to draw, and then ``absent`` says why.

    ``description`` stands for the picture where it cannot be seen; ``roles`` are those that its legend explains.
    """

    name: str
    title: str
    caption: str
    description: str
    spec: dict[str, Any] | None
    absent: str | None = None
    roles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.spec is None) == (self.absent is None):
            raise ValueError(f"chart {self.name} needs either a spec or the reason why there is none")


@dataclass(frozen=True)
class Words:
    """What is said about a chart; see ``Chart``."""

    name: str
    title: str
    caption: str
    description: str


def no_chart(name: str, title: str, reason: str) -> Chart:
    return Chart(name, title, "", "", None, reason)


def drawn(text: Words, chart: Any, height: int, roles: Iterable[str] = ()) -> Chart:
    """``chart`` is an altair chart of one view; it takes the width of its box."""
    sized = chart.properties(
        width="container",
        height=height,
        description=text.description,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    shown = set(roles)
    explained = tuple(role for role in ROLES if role in shown)
    return Chart(text.name, text.title, text.caption, text.description, sized.to_dict(), roles=explained)


def inline(rows: Rows) -> Any:
    return alt.InlineData(values=[{k: _plain(v) for k, v in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    """Five significant digits are more than a screen shows, and halve the page."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return value


def role_colour() -> Any:
    """The page draws the legend, so that it wraps where the chart is narrow."""
    return alt.Color("role:N", scale=alt.Scale(domain=list(ROLES), range=list(_COLOURS)), legend=None)


def role_shape() -> Any:
    return alt.Shape("role:N", scale=alt.Scale(domain=list(ROLES), range=list(_SHAPES)), legend=None)


def value_scale(values: list[float]) -> Any:
    """Logarithmic where the values span more than a factor of 8, else linear; little room beyond them."""
    low, high = min(values), max(values)
    if low > 0 and high / low > 8:
        return alt.Scale(type="log", domain=[low / 1.1, high * 1.1], nice=False)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return alt.Scale(domain=[low - room, high + room], nice=False)


@dataclass(frozen=True)
class Envelope:
    """A long series in few bins. ``per_bin`` is 1 where nothing was left out, else each bin keeps its extremes.

    ``part`` of each bin: no line is drawn from one part to the next.
    """

    x: Float64
    low: Float64
    middle: Float64
    high: Float64
    part: NDArray[np.int64]
    per_bin: int

    def rows(self) -> Rows:
        columns = (getattr(self, name).tolist() for name in ("x", "low", "middle", "high", "part"))
        named = [{"x": x, "low": low, "middle": m, "high": h, "part": p} for x, low, m, h, p in zip(*columns)]  # noqa: B905
        return (
            named if len(np.unique(self.part)) > 1 else [{k: v for k, v in row.items() if k != "part"} for row in named]
        )


def envelope(x: Float64, y: Float64, bins: int = 300, part: NDArray[np.int64] | None = None) -> Envelope:
    """Lowest, median and highest y of consecutive samples of one part, at the first x of each bin; a spike is never
    lost. ``part``: its number for each sample, rising; None: all are of one.
    """
    number = np.zeros(len(y), dtype=np.int64) if part is None else part
    per_bin = max(1, -(-len(y) // bins))
    begins = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    edges = np.concatenate([np.arange(a, b, per_bin) for a, b in zip(begins, [*begins[1:], len(y)], strict=True)])
    low, high = np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)
    middle = np.array([np.median(y[a:b]) for a, b in zip(edges, [*edges[1:], len(y)], strict=True)])
    return Envelope(x[edges], low, middle, high, number[edges], per_bin)
