"""A cascade in pictures: the stages' budgets against what they took, and each utterance's way to its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from orchestrator.domain.cascade_budget import PARTS, STAGE, SUM
from orchestrator.domain.cascade_told import CascadeTold
from orchestrator.tell.report.chart import Chart, Float64, Rows, Words, drawn, inline, no_chart
from orchestrator.tell.report.numbers import significant

_STAGE_COLOURS = ("var(--default)", "var(--other)", "var(--winner)")
_PART_COLOURS = ("var(--muted)", "var(--default)", "var(--other)", "var(--winner)", "var(--rejected)")
_ROW_HEIGHT = 34
# More bars than this are no longer told apart.
MOST = 80


@dataclass(frozen=True, eq=False)
class Drawn:
    """``parts_ms``: of each utterance with a last word, shape (n, 5), columns ``domain.cascade_budget.PARTS``."""

    told: CascadeTold
    parts_ms: Float64


def budget_chart(every: Sequence[Drawn]) -> Chart:
    """A bar of budgets and one of means for each cascade; the marks are percentiles of all stages together."""
    name, title = "budget", "Budget and what it took, from the end of an utterance to its answer"
    bars = [row for each in every for row in (*_budgets(each.told), *_means(each.told))]
    if not bars:
        return no_chart(name, title, "no utterance ended in this session")
    order = list(dict.fromkeys(row["bar"] for row in bars))
    stages = list(dict.fromkeys(row["stage"] for row in bars))
    base = alt.Chart(inline(bars)).encode(y=alt.Y("bar:N", sort=order, title=None, axis=alt.Axis(ticks=False)))
    stacked = base.mark_bar(height=16).encode(
        x=alt.X("ms:Q", title="ms after the chunk that ends the utterance has come", stack="zero"),
        color=_colour("stage", stages, _STAGE_COLOURS[: len(stages)]),
        order="number:O",
        tooltip=["bar:N", "stage:N", alt.Tooltip("ms:Q", format=".3~r")],
    )
    marks = alt.Chart(inline([row for each in every for row in _marks(each.told)])).encode(
        y=alt.Y("bar:N", sort=order), x="value:Q",
        tooltip=["bar:N", "statistic:N", *(alt.Tooltip(f"{n}:Q", format=".3~r") for n in ("value", "low", "high"))],
    )  # fmt: skip
    spread = marks.mark_rule(strokeWidth=1.5, color="var(--ink)").encode(x="low:Q", x2="high:Q")
    tick = marks.transform_filter("datum.statistic == 'p50'").mark_tick(thickness=3, height=22, color="var(--ink)")
    dot = marks.transform_filter("datum.statistic == 'p95'").mark_point(
        filled=True, size=70, color="var(--ink)", opacity=1
    )
    caption = (
        "Bars: each stage's budget, and the mean of its part. Upright tick: p50 of all stages together; dot: their "
        "p95, where there are utterances enough; lines: 95 % intervals over utterances."
    )
    said = "; ".join(f"{each.told.cascade.name}: {_said(each.told)}" for each in every)
    return drawn(
        Words(name, title, caption, said), alt.layer(stacked, spread, tick, dot), _ROW_HEIGHT * len(order) + 30
    )


def utterance_chart(each: Drawn, number: int) -> Chart:
    """Of each utterance, part by part."""
    name = f"utterances-{number}"
    title = f"{each.told.cascade.name}: every utterance from its last word to its answer"
    if not len(each.parts_ms):
        return no_chart(name, title, "it is not known when the last word of any utterance ended")
    rows: Rows = [
        {"utterance": at + 1, "part": part, "number": n, "ms": float(value)}
        for at, parts in enumerate(each.parts_ms[:MOST])
        for n, (part, value) in enumerate(zip(PARTS, parts, strict=True))
    ]
    bars = (
        alt.Chart(inline(rows))
        .mark_bar()
        .encode(
            x=alt.X("utterance:O", title="utterance", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("ms:Q", title="ms after its last word", stack="zero"),
            color=_colour("part", list(PARTS), _PART_COLOURS),
            order="number:O",
            tooltip=["utterance:O", "part:N", alt.Tooltip("ms:Q", format=".3~r")],
        )
    )
    shown = "" if len(each.parts_ms) <= MOST else f" The first {MOST} of {len(each.parts_ms)}."
    caption = (
        "Endpointing is the quiet that is waited for before an utterance is over, and the wait for its chunk: no "
        f"runtime makes it shorter.{shown}"
    )
    return drawn(Words(name, title, caption, f"{len(each.parts_ms)} utterances"), bars, 240)


def _budgets(told: CascadeTold) -> Rows:
    return [
        {"bar": f"{told.cascade.name} · budget", "stage": stage.name, "number": n, "ms": stage.budget_ms}
        for n, stage in enumerate(told.cascade.stages)
        if stage.budget_ms is not None
    ]


def _means(told: CascadeTold) -> Rows:
    own = [row for row in told.rows if row.kind == STAGE]
    return [
        {"bar": f"{told.cascade.name} · measured", "stage": row.stage, "number": n, "ms": row.mean_ms}
        for n, row in enumerate(own)
        if row.mean_ms is not None
    ]


def _marks(told: CascadeTold) -> Rows:
    total = next(row for row in told.rows if row.kind == SUM)
    return [
        {"bar": f"{told.cascade.name} · measured", "statistic": name, "value": f.value, "low": f.low, "high": f.high}
        for name, f in zip(("p50", "p95"), total.percentiles, strict=False)
        if f.value is not None
    ]


def _said(told: CascadeTold) -> str:
    total = next(row for row in told.rows if row.kind == SUM)
    mean = "no utterance ended" if total.mean_ms is None else f"{significant(total.mean_ms)} ms in the mean"
    given = "" if total.budget_ms is None else f" of {significant(total.budget_ms)} ms"
    return f"{mean}{given}"


def _colour(field: str, domain: list[str], colours: tuple[str, ...]) -> alt.Color:
    legend = alt.Legend(title=None, orient="top", labelColor="var(--muted)", labelLimit=220, columns=5)
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=domain, range=list(colours)), legend=legend)
