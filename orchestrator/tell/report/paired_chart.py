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
_TITLE = "Winner and default, block by block"


def _quantile(times_ns: Any, quantile: float) -> float | None:
    found = percentile(times_ns, quantile)
    return None if found.value is None else found.value / 1e6


# Metric -> (mode of the sessions it is read from, its value in one run; None where that run cannot tell).
_OF_RUN: dict[str, tuple[str, Callable[[Timeline], float | None]]] = {
    "latency_p50_ms": ("paced", lambda t: _quantile(t.latency_ns, 0.5)),
    "latency_p99_ms": ("paced", lambda t: _quantile(t.latency_ns, 0.99)),
    "service_p50_ms": ("flat-out", lambda t: _quantile(t.service_ns, 0.5)),
    "service_p99_ms": ("flat-out", lambda t: _quantile(t.service_ns, 0.99)),
    "rtf": ("flat-out", lambda t: t.rtf),
}


def paired_chart(content: ReportContent, objective: str) -> Chart:
    winner, baseline = content.winner, content.baseline
    if winner is None:
        return no_chart(_NAME, _TITLE, "no candidate won")
    if baseline is None:
        return no_chart(_NAME, _TITLE, "this study has no fp32 CPU default to compare with")
    if winner is baseline:
        return no_chart(_NAME, _TITLE, "the default itself won")
    metric = objective if objective in _OF_RUN else "service_p50_ms"
    keys = {winner.candidate.key: "winner", baseline.candidate.key: "default"}
    rows = _rows(content, metric, keys)
    if not rows:
        reason = f"no block has a {COLUMNS[metric].heading.lower()} of both that one run can tell"
        return no_chart(_NAME, _TITLE, reason)
    return _draw(rows, metric, objective)


def _rows(content: ReportContent, metric: str, keys: dict[str, str]) -> Rows:
    """One row per block and role; blocks in which either has no value are left out."""
    mode, of_run = _OF_RUN[metric]
    blocks: dict[int, dict[str, float]] = {}
    for session in content.decided_on(mode):
        role = keys.get(session.planned.candidate.key)
        value = None if role is None else _value(session, content.sample_rate_hz, of_run)
        if role is not None and value is not None:
            blocks.setdefault(session.planned.block, {})[role] = value
    pairs = [(block, values) for block, values in sorted(blocks.items()) if len(values) == len(keys)]
    return [
        {"block": block + 1, "role": role, "value": value, "low": min(values.values()), "high": max(values.values())}
        for block, values in pairs
        for role, value in values.items()
    ]


def _value(session: Session, rate: int, of_run: Callable[[Timeline], float | None]) -> float | None:
    return of_run(settled(session, rate)) if "t_ns" in session.arrays else None


def _draw(rows: Rows, metric: str, objective: str) -> Chart:
    column = COLUMNS[metric]
    heading = f"{column.heading if column.heading == 'RTF' else column.heading.lower()}, {column.unit}"
    scale = value_scale([r["value"] for r in rows])
    roles = ("winner", "default")
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("block:O", title="block of interleaved sessions", axis=alt.Axis(labelAngle=0))
    )
    links = base.mark_rule(strokeWidth=1.2, opacity=0.6).encode(
        y=alt.Y("low:Q", title=heading, scale=scale), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        y=alt.Y("value:Q", title=heading, scale=scale),
        color=role_colour(roles),
        shape=role_shape(roles),
        tooltip=[alt.Tooltip("block:O"), alt.Tooltip("role:N"), alt.Tooltip("value:Q", title=heading, format=".3~r")],
    )
    return drawn(_NAME, _TITLE, _caption(rows, metric, objective), _describe(rows, heading), links + points, height=280)


def _caption(rows: Rows, metric: str, objective: str) -> str:
    better = sum(1 for r in rows if r["role"] == "winner" and r["value"] == r["low"] and r["low"] < r["high"])
    blocks = len(rows) // 2
    instead = (
        ""
        if metric == objective
        else f"One run cannot tell {COLUMNS[objective].heading.lower()}; {COLUMNS[metric].heading.lower()} is shown. "
    )
    return f"{instead}The winner is lower in {better} of {blocks} blocks. Each point is one process run."


def _describe(rows: Rows, heading: str) -> str:
    medians = {
        role: float(np.median([r["value"] for r in rows if r["role"] == role])) for role in ("winner", "default")
    }
    return f"Per block, {heading}: median of the winner {significant(medians['winner'])}, of the default " + (
        f"{significant(medians['default'])}."
    )
