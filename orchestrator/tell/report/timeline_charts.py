"""One session of the winner from its first chunk to its last: what it felt like, and what the device did meanwhile."""

from dataclasses import dataclass

import altair as alt
import numpy as np

from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.gaps import gaps, parts
from orchestrator.tell.report.chart import Chart, Float64, Words, drawn, envelope, inline, no_chart
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.sampled import Sampled, sampled_series

_HEIGHT = 130


@dataclass(frozen=True)
class Panel:
    """One quantity over the time since the first arrival, NaN where a reading failed. ``unit`` also names the axis.

    ``gaps``: stretches, in s, of which no reading says anything.
    """

    name: str
    title: str
    unit: str
    seconds: Float64
    values: Float64
    source: str
    gaps: tuple[tuple[float, float], ...] = ()

    @property
    def known(self) -> Float64:
        return self.values[np.isfinite(self.values)]


def timeline_charts(content: ReportContent) -> list[Chart]:
    """Latency and backlog of each chunk, then what the sampler read; one chart each, on one time axis."""
    session = _session(content)
    if session is None:
        return [no_chart("timeline", "Timeline", f"of the winner: {content.no_paced_times}")]
    timeline = session.timeline(content.sample_rate_hz)
    window = int(timeline.arrival_ns[0]), int(timeline.done_ns[-1])
    series, absent = sampled_series(session)
    panels = [*_chunk_panels(timeline), *(_sampled_panel(s, *window) for s in series)]
    end = max(float(panel.seconds.max()) for panel in panels)
    return [
        *(_chart(panel, end) for panel in panels),
        *(no_chart(f"timeline-{number}", title, reason) for number, (title, reason) in enumerate(absent.items())),
    ]


def timeline_session(content: ReportContent) -> str:
    """Which session the timeline shows, in words; empty where there is none."""
    session = _session(content)
    if session is None:
        return ""
    return f"{session.planned.candidate.label}, block {session.planned.block + 1}, warm-up included"


def _session(content: ReportContent) -> Session | None:
    """The winner's paced run with the median of the medians: neither its best one nor its worst."""
    winner = content.winner
    if winner is None:
        return None
    own = [s for s in content.decided_on("paced") if s.planned.candidate.key == winner.candidate.key]
    timed = [s for s in own if "t_ns" in s.arrays]
    timed.sort(key=lambda s: float(np.median(s.timeline(content.sample_rate_hz).latency_ns)))
    return timed[len(timed) // 2] if timed else None


def _chunk_panels(timeline: Timeline) -> list[Panel]:
    seconds = (timeline.done_ns - timeline.arrival_ns[0]) / 1e9
    latency_ms = (timeline.latency_ns / 1e6).astype(np.float64)
    backlog_ms = timeline.backlog_chunks().astype(np.float64) * (timeline.chunk_ns / 1e6)
    return [
        Panel("latency", "Latency", "ms", seconds, latency_ms, "each chunk"),
        Panel("backlog", "Backlog", "ms of audio", seconds, backlog_ms, "each chunk, the one in service counted"),
    ]


def _sampled_panel(sampled: Sampled, start_ns: int, end_ns: int) -> Panel:
    # A clock that runs backwards is told by the session's verdict; here it only breaks the line.
    in_order = np.maximum.accumulate(sampled.t_ns)
    return Panel(
        sampled.quantity.replace("_", "-"),
        sampled.title,
        sampled.unit,
        (sampled.t_ns - start_ns) / 1e9,
        sampled.values,
        sampled.source,
        tuple(
            ((a - start_ns) / 1e9, (b - start_ns) / 1e9) for a, b in gaps(in_order, sampled.values, start_ns, end_ns)
        ),
    )


def _chart(panel: Panel, end_s: float) -> Chart:
    part = parts(panel.seconds, panel.values)
    shape = envelope(panel.seconds[part >= 0], panel.known, part=part[part >= 0])
    start = min(0.0, float(panel.seconds.min()))
    span = alt.Scale(domain=[start, end_s], nice=False)
    x = alt.X("x:Q", title="seconds since the first chunk", axis=alt.Axis(tickCount=8), scale=span)
    y_axis = alt.Axis(minExtent=52, maxExtent=52, tickCount=4)
    scale = alt.Scale(domain=_reach(panel), nice=True)
    base = alt.Chart(inline(shape.rows())).encode(*([alt.Detail("part:N")] if panel.gaps else []))
    band = base.mark_area(opacity=0.3, color="var(--winner)").encode(
        x=x, y=alt.Y("low:Q", title=panel.unit, axis=y_axis, scale=scale), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=1.2, color="var(--winner)").encode(
        x=x,
        y=alt.Y("middle:Q", title=panel.unit, axis=y_axis, scale=scale),
        tooltip=[
            alt.Tooltip("x:Q", title="s", format=".2f"),
            alt.Tooltip("low:Q", title="lowest", format=".3~r"),
            alt.Tooltip("middle:Q", title="median", format=".3~r"),
            alt.Tooltip("high:Q", title="highest", format=".3~r"),
        ],
    )
    words = Words(
        f"timeline-{panel.name}", f"{panel.title}, {panel.unit}", _caption(panel, shape.per_bin), _describe(panel)
    )
    layers = [line] if shape.per_bin == 1 else [band, line]
    return drawn(words, alt.layer(*_gaps(panel, x), *layers) if panel.gaps else sum(layers[1:], layers[0]), _HEIGHT)


def _gaps(panel: Panel, x: alt.X) -> list[alt.Chart]:
    """What was not read is shaded over the whole height."""
    rows = [{"x": begin, "end": end} for begin, end in panel.gaps]
    marks = alt.Chart(inline(rows)).mark_rect(color="var(--muted)", opacity=0.25)
    return [marks.encode(x=x, x2="end:Q", tooltip=alt.value("not read"))]


def _reach(panel: Panel) -> list[float]:
    """From 0 for what is counted from there; else 5 % of the value or more, so that noise looks like noise."""
    low, high = float(panel.known.min()), float(panel.known.max())
    if panel.name in ("latency", "backlog"):
        return [0.0, high]
    room = max(0.0, 0.05 * abs(high) - (high - low)) / 2
    return [low - room, high + room]


def _caption(panel: Panel, per_bin: int) -> str:
    count = f"{len(panel.known):,} values ({panel.source})"
    if per_bin > 1:
        count += f"; each step spans the lowest to the highest of {per_bin}, the line is their median"
    return f"{count}.{_missed(panel)}"


def _missed(panel: Panel) -> str:
    if not panel.gaps:
        return ""
    seconds = sum(end - begin for begin, end in panel.gaps)
    stretches = "1 gap" if len(panel.gaps) == 1 else f"{len(panel.gaps)} gaps"
    return f" Not read for {significant(seconds)} s in {stretches} (shaded)."


def _describe(panel: Panel) -> str:
    low, middle, high = (float(f(panel.known)) for f in (np.min, np.median, np.max))
    return (
        f"{panel.title} over one session of the winner: from {significant(low)} to {significant(high)} {panel.unit}, "
        f"median {significant(middle)}.{_missed(panel)}"
    )
