"""How long a listener waits: each candidate's middle and tail, and the whole distribution."""

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from orchestrator.domain.decision import Estimate
from orchestrator.tell.report.chart import (
    Chart,
    Float64,
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
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.samples import Run, paced_runs, pooled

_LATENCY_AXIS = "latency from intended arrival, ms"
_ROW_HEIGHT = 30
_TAIL_POINTS, _MIDDLE_POINTS = 50, 30


def spread_chart(content: ReportContent) -> Chart:
    """One row per candidate: where most chunks lie, the p50 and p99 of the decision, the runs behind them."""
    title = "Latency by candidate"
    runs = paced_runs(content)
    entries = [e for e in content.ranked() if e.key in runs]
    if not entries:
        return no_chart("latency-spread", title, f"{content.no_paced_times}, so there is no latency to draw")
    bars, points = _bars(entries, runs), _points(entries)
    reach = [p[k] for p in points for k in ("low", "high")] + [b[k] for b in bars for k in ("from", "to")]
    rows = _RowAxes(value_scale(reach), [e.short for e in entries])
    body = rows.of(bars, "from").mark_bar(height=12, opacity=0.28, cornerRadius=2)
    whiskers = rows.of(points, "low").mark_rule(strokeWidth=1.5)
    ticks = rows.of([p for p in points if p["statistic"] == "p50"], "value").mark_tick(thickness=3, height=18)
    tails = rows.of([p for p in points if p["statistic"] == "p99"], "value").mark_point(filled=True, size=70, opacity=1)
    chart = alt.layer(
        body.encode(x2="to:Q", tooltip=_bar_tooltip()),
        whiskers.encode(x2="high:Q"),
        ticks.encode(tooltip=_point_tooltip()),
        tails.encode(shape=role_shape(), tooltip=_point_tooltip()),
    )
    words = Words(
        "latency-spread",
        title,
        "Bar: where 90 % of the chunks of all paced runs lie (5 % to 95 %). Upright tick: p50. Symbol: p99, with its "
        "95 % interval. " + _missing_tails(entries) + _screened(content, runs),
        _describe(entries),
    )
    return drawn(words, chart, _ROW_HEIGHT * len(entries) + 10, (e.role for e in entries))


@dataclass(frozen=True)
class _RowAxes:
    """The axes that every layer of the row chart shares."""

    scale: Any
    order: list[str]

    def of(self, rows: Rows, field: str) -> Any:
        return alt.Chart(inline(rows)).encode(
            x=alt.X(f"{field}:Q", title=_LATENCY_AXIS, scale=self.scale),
            y=alt.Y("candidate:N", sort=self.order, title=None, axis=alt.Axis(grid=True, ticks=False)),
            color=role_colour(),
        )


def _bars(entries: list[Entry], runs: dict[str, list[Run]]) -> Rows:
    rows: Rows = []
    for entry in entries:
        everything = pooled(runs[entry.key])
        low, high = np.quantile(everything, (0.05, 0.95), method="inverted_cdf")
        rows.append(
            {
                "candidate": entry.short,
                "label": entry.verdict.candidate.label,
                "role": entry.role,
                "from": float(low),
                "to": float(high),
                "chunks": len(everything),
                "runs": len(runs[entry.key]),
            }
        )
    return rows


def _points(entries: list[Entry]) -> Rows:
    rows: Rows = []
    for entry in entries:
        for statistic in ("p50", "p99"):
            estimate = entry.verdict.metrics.get(f"latency_{statistic}_ms")
            if estimate is not None and estimate.value is not None:
                rows.append(_point(entry, statistic, estimate, estimate.value))
    return rows


def _point(entry: Entry, statistic: str, estimate: Estimate, value: float) -> dict[str, Any]:
    return {
        "candidate": entry.short,
        "label": entry.verdict.candidate.label,
        "role": entry.role,
        "statistic": statistic,
        "value": value,
        "low": value if estimate.low is None else estimate.low,
        "high": value if estimate.high is None else estimate.high,
    }


def _bar_tooltip() -> list[Any]:
    return [
        alt.Tooltip("label:N", title="candidate"),
        alt.Tooltip("from:Q", title="5 % of chunks, ms", format=".3~r"),
        alt.Tooltip("to:Q", title="95 % of chunks, ms", format=".3~r"),
        alt.Tooltip("chunks:Q", title="chunks", format=","),
        alt.Tooltip("runs:Q", title="runs"),
    ]


def _point_tooltip() -> list[Any]:
    return [
        alt.Tooltip("label:N", title="candidate"),
        alt.Tooltip("statistic:N", title="statistic"),
        alt.Tooltip("value:Q", title="latency, ms", format=".3~r"),
        alt.Tooltip("low:Q", title="interval from", format=".3~r"),
        alt.Tooltip("high:Q", title="interval to", format=".3~r"),
    ]


def _missing_tails(entries: list[Entry]) -> str:
    missing = [e for e in entries if (p99 := e.verdict.metrics.get("latency_p99_ms")) is None or p99.value is None]
    return f"Without a p99: {', '.join(str(e.number) for e in missing)} (why: see the table)." if missing else ""


def _screened(content: ReportContent, runs: dict[str, list[Run]]) -> str:
    missing = [str(e.number) for e in content.ranked() if e.key not in runs]
    return f" Without a paced session: {', '.join(missing)}." if missing else ""


def _describe(entries: list[Entry]) -> str:
    parts = []
    for entry in entries:
        p50, p99 = (entry.verdict.metrics.get(f"latency_{s}_ms") for s in ("p50", "p99"))
        parts.append(f"{entry.short}: p50 {_words(p50)}, p99 {_words(p99)}")
    return "Latency of each candidate. " + "; ".join(parts) + "."


def _words(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "not estimable"
    return f"{significant(estimate.value)} ms"


def tail_chart(content: ReportContent) -> Chart:
    """Share of chunks slower than x, both axes logarithmic: the tail is where streaming fails."""
    title = "How often a listener waits longer"
    runs = paced_runs(content)
    entries = [e for e in content.ranked() if e.key in runs]
    if not entries:
        return no_chart("latency-tail", title, f"{content.no_paced_times}, so there is no latency to draw")
    rows = [row for entry in entries for row in _curves(entry, runs[entry.key])]
    reach = [row["latency"] for row in rows]
    fewest = min(row["slower"] for row in rows)
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("latency:Q", title=_LATENCY_AXIS, scale=value_scale(reach)),
        y=alt.Y("slower:Q", title="share of chunks that wait longer", scale=_share_scale(fewest), axis=_share_axis()),
        detail="line:N",
        order="slower:Q",
        color=role_colour(),
        tooltip=[
            alt.Tooltip("label:N", title="candidate"),
            alt.Tooltip("latency:Q", title="latency, ms", format=".3~r"),
            alt.Tooltip("slower:Q", title="share slower", format=".3~p"),
        ],
    )
    thin = base.transform_filter("datum.run != null").mark_line(strokeWidth=0.8, opacity=0.4)
    bold = base.transform_filter("datum.run == null").mark_line(strokeWidth=2.2)
    ends = base.transform_filter("datum.slowest").mark_text(align="left", dx=5, dy=-5, fontSize=11)
    words = Words(
        "latency-tail",
        title,
        "Bold: all paced runs of a candidate together. Thin: each run of the winner and of the default on its own; how "
        "far they lie apart is what a single run would have left to luck. Read at 1 %: the p99. "
        "Numbers: those of the table.",
        f"Share of chunks that wait longer than a given latency, for {len(entries)} candidates; figures in the table.",
    )
    return drawn(words, alt.layer(bold, thin, ends.encode(text="number:N")), 340, (e.role for e in entries))


def _share_scale(fewest: float) -> Any:
    return alt.Scale(type="log", domain=[fewest, 1], nice=False)


def _share_axis() -> Any:
    return alt.Axis(values=[1, 0.5, 0.1, 0.01, 0.001, 0.0001], format="~p")


def _curves(entry: Entry, runs: list[Run]) -> Rows:
    rows = _curve(entry, None, pooled(runs))
    if entry.role in ("winner", "default"):
        for number, run in enumerate(runs):
            rows += _curve(entry, number, np.sort(run.latency_ms))
    return rows


def _curve(entry: Entry, run: int | None, ordered_ms: Float64) -> Rows:
    """Order statistics, dense in the tail and even in the middle: chunk number i from the top is slower than i / n."""
    n = len(ordered_ms)
    from_top = np.unique(
        np.concatenate([np.geomspace(1, n, _TAIL_POINTS), np.linspace(1, n, _MIDDLE_POINTS)]).astype(int)
    )
    return [
        {
            "label": entry.verdict.candidate.label,
            "number": entry.number,
            "line": f"{entry.number}/{run}",
            "run": run,
            "role": entry.role,
            "latency": float(ordered_ms[n - i]),
            "slower": i / n,
            "slowest": i == 1 and run is None,
        }
        for i in from_top.tolist()
    ]
