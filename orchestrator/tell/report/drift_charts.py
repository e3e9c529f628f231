"""State drift in pictures: |d| of each tensor over the stream, and the task's errors against the stream's length."""

import altair as alt
import numpy as np

from orchestrator.domain.state_drift import FREE_RUNNING, VERDICTS, WAYS, DriftReport, TensorDrift
from orchestrator.tell.report.chart import Chart, Float64, Rows, Words, drawn, inline, no_chart, value_scale

# More states than these are in the table only.
MOST = 8
_POINTS = 240
_HEIGHT = 170
_COLOURS = ("var(--other)", "var(--winner)", "var(--default)")
_DASHES = ([1, 0], [1, 0], [5, 3])
_LENGTH_WAYS = ("fp32", "artifact", "artifact with resets")


def tensor_charts(report: DriftReport, max_abs: dict[str, Float64]) -> list[Chart]:
    """``max_abs[way]``: the greatest |d| of each chunk, shape (chunks, tensors), in the order of the report's tensors.

    The worst tensors come first.
    """
    free = report.of(FREE_RUNNING)
    order = sorted(range(len(free)), key=lambda i: (-VERDICTS.index(free[i].verdict), free[i].kind, i))
    return [_tensor(report, free[i], i, {w: m[:, i] for w, m in max_abs.items()}) for i in order[:MOST]]


def _tensor(report: DriftReport, drift: TensorDrift, number: int, series: dict[str, Float64]) -> Chart:
    name, title = f"drift-{number}", f"{drift.kind} {drift.tensor}: {drift.verdict}"
    rows = [row for way in WAYS if way in series for row in _rows(way, series[way], report.chunk_s)]
    shown = [row["error"] for row in rows if row["error"] > 0]
    if not shown:
        return no_chart(name, title, "it equals fp32 everywhere")
    scale = value_scale(shown)
    base = alt.Chart(inline([row for row in rows if row["error"] > 0]))
    lines = base.mark_line(strokeWidth=1.4).encode(
        x=alt.X("minute:Q", title="minutes of the stream"),
        y=alt.Y("error:Q", title="greatest |d| of a chunk", scale=scale),
        color=_colour(WAYS),
        strokeDash=_dash(WAYS),
        tooltip=["way:N", alt.Tooltip("minute:Q", format=".2f"), alt.Tooltip("error:Q", format=".3~r")],
    )
    text = Words(name, title, f"{_capital(drift.reason)}. Each point is the mean of the chunks up to it.", title)
    return drawn(text, lines, _HEIGHT)


def _rows(way: str, values: Float64, chunk_s: float) -> Rows:
    per_point = max(1, -(-len(values) // _POINTS))
    edges = np.arange(0, len(values), per_point)
    with np.errstate(all="ignore"):  # A line ends where its values are no longer finite.
        means = np.add.reduceat(values, edges) / np.diff(np.append(edges, len(values)))
    ends = np.minimum(edges + per_point, len(values)) * chunk_s / 60
    pairs = zip(ends.tolist(), means.tolist(), strict=True)
    return [{"way": way, "minute": at, "error": value} for at, value in pairs if np.isfinite(value)]


def length_chart(report: DriftReport) -> Chart:
    """Errors of fp32, of the artifact, and of the artifact with resets, over the mean length of a stream."""
    name, title = "lengths", "Task errors against the length of a stream"
    if not report.lengths:
        return no_chart(name, title, report.absent.get("lengths", "it was not measured"))
    rows: Rows = [
        {"way": way, "seconds": score.seconds, "errors": 100 * value}
        for score in report.lengths
        for way, value in zip(_LENGTH_WAYS, (score.fp32, score.artifact, score.with_resets), strict=True)
        if value is not None
    ]
    points = (
        alt.Chart(inline(rows))
        .mark_line(point=True, strokeWidth=1.4)
        .encode(
            x=alt.X(
                "seconds:Q",
                title="seconds before the state is set anew",
                scale=value_scale([r["seconds"] for r in rows]),
            ),
            y=alt.Y("errors:Q", title="errors, %", scale=alt.Scale(zero=True)),
            color=_colour(_LENGTH_WAYS),
            strokeDash=_dash(_LENGTH_WAYS),
            tooltip=["way:N", alt.Tooltip("seconds:Q", format=".1f"), alt.Tooltip("errors:Q", format=".2f")],
        )
    )
    items = report.lengths[0].items
    caption = (
        f"The same utterances joined to longer and longer streams; {items} items where each is a stream of its own."
    )
    return drawn(Words(name, title, caption, title), points, 220)


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top", labelColor="var(--muted)", labelLimit=220, symbolType="stroke")


def _colour(ways: tuple[str, ...]) -> alt.Color:
    return alt.Color("way:N", scale=alt.Scale(domain=list(ways), range=list(_COLOURS)), legend=_legend())


def _dash(ways: tuple[str, ...]) -> alt.StrokeDash:
    return alt.StrokeDash("way:N", scale=alt.Scale(domain=list(ways), range=list(_DASHES)), legend=_legend())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
