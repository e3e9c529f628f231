"""The winner beside the default, round by round: both met the same minutes of the same device."""

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np

from orchestrator.domain.session import Session
from orchestrator.domain.timeline import Timeline
from orchestrator.statistics.percentiles import percentile
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
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.numbers import COLUMNS, significant
from orchestrator.tell.report.samples import settled

_NAME = "paired"
_TITLE = "One process run of each per block"


def _p99_ms(times_ns: Any) -> float | None:
    found = percentile(times_ns, 0.99)
    return None if found.value is None else found.value / 1e6


def _peak_mb(session: Session) -> float | None:
    peaks = [phase.peak_bytes for phase in session.result.memory if phase.peak_bytes is not None]
    return max(peaks) / 1e6 if peaks else None


# Metric -> (mode of the sessions it is read from, its value in one run; None where that run cannot tell).
_OF_RUN: dict[str, tuple[str, Callable[[Session, Timeline], float | None]]] = {
    "latency_p50_ms": ("paced", lambda s, t: float(np.median(t.latency_ns)) / 1e6),
    "latency_p99_ms": ("paced", lambda s, t: _p99_ms(t.latency_ns)),
    "service_p50_ms": ("flat-out", lambda s, t: float(np.median(t.service_ns)) / 1e6),
    "service_p99_ms": ("flat-out", lambda s, t: _p99_ms(t.service_ns)),
    "rtf": ("paced", lambda s, t: t.rtf),
    "peak_rss_mb": ("paced", lambda s, t: _peak_mb(s)),
}
_INSTEAD = "latency_p50_ms"


def paired_chart(content: ReportContent, objective: str) -> Chart:
    winner, baseline = content.winner, content.baseline
    if winner is None:
        return no_chart(_NAME, _TITLE, "no candidate won")
    if baseline is None:
        return no_chart(_NAME, _TITLE, "this study has no fp32 CPU default to compare with")
    if winner is baseline:
        return no_chart(_NAME, _TITLE, "the default itself won")
    keys = {winner.candidate.key: "winner", baseline.candidate.key: "default"}
    rows = _rows(content, objective, keys) if objective in _OF_RUN else []
    metric = objective if rows else _INSTEAD
    rows = rows or _rows(content, metric, keys)
    if not rows:
        reason = f"no block has a {COLUMNS[metric].words} of both that one run can tell"
        return no_chart(_NAME, _TITLE, reason)
    return _draw(rows, metric, objective)


def _rows(content: ReportContent, metric: str, keys: dict[str, str]) -> Rows:
    """One row per block and role; blocks in which either has no value are left out."""
    mode, _ = _OF_RUN[metric]
    blocks: dict[int, dict[str, float]] = {}
    for session in content.decided_on(mode):
        role = keys.get(session.planned.candidate.key)
        value = None if role is None else _value(session, metric, content.sample_rate_hz)
        if role is not None and value is not None:
            blocks.setdefault(session.planned.block, {})[role] = value
    pairs = [(block, values) for block, values in sorted(blocks.items()) if len(values) == len(keys)]
    return [
        {"block": block + 1, "role": role, "value": value, "low": min(values.values()), "high": max(values.values())}
        for block, values in pairs
        for role, value in values.items()
    ]


def _value(session: Session, metric: str, rate: int) -> float | None:
    if session.kept is not None:
        return session.kept.figures.get(metric)
    _, of_run = _OF_RUN[metric]
    return of_run(session, settled(session, rate)) if "t_ns" in session.arrays else None


def _draw(rows: Rows, metric: str, objective: str) -> Chart:
    column = COLUMNS[metric]
    heading = f"{column.words}, {column.unit}"
    scale = value_scale([r["value"] for r in rows])
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("block:O", title="block of interleaved sessions", axis=alt.Axis(labelAngle=0))
    )
    links = base.mark_rule(strokeWidth=1.2, opacity=0.6).encode(
        y=alt.Y("low:Q", title=heading, scale=scale), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y=alt.Y("value:Q", title=heading, scale=scale),
        color=role_colour(),
        shape=role_shape(),
        tooltip=[alt.Tooltip("block:O"), alt.Tooltip("role:N"), alt.Tooltip("value:Q", title=heading, format=".3~r")],
    )
    words = Words(_NAME, _TITLE, _caption(rows, metric, objective), _describe(rows, heading))
    return drawn(words, links + points, 280, ("winner", "default"))


def _caption(rows: Rows, metric: str, objective: str) -> str:
    better = sum(1 for r in rows if r["role"] == "winner" and r["value"] == r["low"] and r["low"] < r["high"])
    blocks = len(rows) // 2
    instead = (
        ""
        if metric == objective
        else f"One run cannot tell {COLUMNS[objective].words}; {COLUMNS[metric].words} is shown. "
    )
    return f"{instead}The winner is lower in {better} of {blocks} blocks."


def _describe(rows: Rows, heading: str) -> str:
    medians = {
        role: float(np.median([r["value"] for r in rows if r["role"] == role])) for role in ("winner", "default")
    }
    return f"Per block, {heading}: median of the winner {significant(medians['winner'])}, of the default " + (
        f"{significant(medians['default'])}."
    )
