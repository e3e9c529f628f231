"""What a better objective costs: every candidate's objective against its quality loss, or its size."""

from typing import Any

import altair as alt

from orchestrator.domain.decision import MORE_IS_BETTER, Estimate, as_cost
from orchestrator.tell.report.chart import (
    Chart,
    Rows,
    Words,
    drawn,
    inline,
    no_chart,
    role_colour,
    role_shape,
    value_scale,
)
from orchestrator.tell.report.content import Entry, ReportContent
from orchestrator.tell.report.numbers import COLUMNS, Column

_NAME = "pareto"


def pareto_chart(content: ReportContent, objective: str) -> Chart:
    """``objective`` is a metric of ``COLUMNS``."""
    entries = content.ranked()
    across, down = COLUMNS[_across(entries, objective)], COLUMNS[objective]
    title = f"{down.heading} against {across.words}"
    rows = _rows(entries, across, down)
    if not rows:
        return no_chart(_NAME, title, f"no candidate has both a {down.words} and a {across.words}")
    x = alt.X(
        "x:Q",
        title=_axis_title(across),
        axis=alt.Axis(tickCount=8),
        scale=value_scale([r[k] for r in rows for k in ("x", "x_low", "x_high")]),
    )
    y = alt.Y(
        "y:Q",
        title=_axis_title(down),
        axis=alt.Axis(tickCount=6),
        scale=value_scale([r[k] for r in rows for k in ("y", "y_low", "y_high")]),
    )
    left_out = [e for e in entries if e.number not in {r["number"] for r in rows}]
    words = Words(
        _NAME,
        title,
        f"{'Up' if objective in MORE_IS_BETTER else 'Down'} and to the left is better. Bars: 95 % intervals. Line: the "
        "front of these two figures, where no candidate that passed its gates is better in both. Numbers: those of the "
        "table. " + _left_out(left_out),
        _describe(rows, across, down),
    )
    return drawn(words, alt.layer(*_layers(rows, x, y, across, down)), 380, (r["role"] for r in rows))


def _across(entries: list[Entry], objective: str) -> str:
    """Quality loss where any candidate has one; else the size."""
    has_loss = any(_known(e, "quality_loss") for e in entries)
    return "quality_loss" if has_loss and objective != "quality_loss" else "size_mb"


def _known(entry: Entry, metric: str) -> bool:
    estimate = entry.verdict.metrics.get(metric)
    return estimate is not None and estimate.value is not None


def _rows(entries: list[Entry], across: Column, down: Column) -> Rows:
    rows: Rows = []
    for entry in entries:
        if _known(entry, across.metric) and _known(entry, down.metric):
            metrics = entry.verdict.metrics
            rows.append(
                {
                    "number": entry.number,
                    "candidate": entry.verdict.candidate.label,
                    "text": entry.short if entry.role == "winner" else str(entry.number),
                    "role": entry.role,
                    "passed": entry.verdict.status != "rejected",
                    **_bounds("x", metrics[across.metric], across.factor),
                    **_bounds("y", metrics[down.metric], down.factor),
                }
            )
    return rows


def _bounds(axis: str, estimate: Estimate, factor: float) -> dict[str, float]:
    assert estimate.value is not None
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return {axis: estimate.value * factor, f"{axis}_low": low * factor, f"{axis}_high": high * factor}


def _layers(rows: Rows, x: Any, y: Any, across: Column, down: Column) -> list[Any]:
    base = alt.Chart(inline(rows))
    front = (
        alt.Chart(inline(_front(rows, down.metric)))
        .mark_line(interpolate="step-after", strokeWidth=1.2, strokeDash=[4, 3], color="var(--muted)")
        .encode(x=x, y=y)
    )
    bars = base.mark_rule(strokeWidth=1.2, opacity=0.55)
    colour = role_colour()
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        y=y,
        color=colour,
        shape=role_shape(),
        tooltip=[
            alt.Tooltip("candidate:N"),
            alt.Tooltip("x:Q", title=_axis_title(across), format=".3~r"),
            alt.Tooltip("y:Q", title=_axis_title(down), format=".3~r"),
        ],
    )
    labels = base.mark_text(align="left", baseline="bottom", dx=8, dy=-5).encode(x=x, y=y, text="text:N")
    return [
        front,
        bars.encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q", color=colour),
        bars.encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=y, color=colour),
        points,
        labels,
    ]


def _axis_title(column: Column) -> str:
    unit = "percentage points" if column.unit == "points" else column.unit
    return f"{column.words}, {unit}"


def _front(rows: Rows, metric: str) -> Rows:
    """Those that passed and that no other one beats in both figures, from left to right."""
    front: Rows = []
    cost = {row["number"]: as_cost(metric, row["y"]) for row in rows}
    for row in sorted((r for r in rows if r["passed"]), key=lambda r: (r["x"], cost[r["number"]])):
        if not front or cost[row["number"]] < cost[front[-1]["number"]]:
            front.append(row)
    return front


def _left_out(entries: list[Entry]) -> str:
    if not entries:
        return ""
    return f"Not drawn, for want of one of the two figures: {', '.join(str(e.number) for e in entries)}."


def _describe(rows: Rows, across: Column, down: Column) -> str:
    points = "; ".join(f"{r['number']} {r['role']}: {r['x']:.3g} {across.unit}, {r['y']:.3g} {down.unit}" for r in rows)
    return f"{down.heading} against {across.words} of each candidate. {points}."
