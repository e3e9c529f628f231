"""Sustained sessions side by side: median latency of each minute, the knees, and who wins cold and hot."""

import altair as alt

from orchestrator.domain.heat import Course, Heat, Phase
from orchestrator.tell.report.chart import Chart, Rows, Words, drawn, inline, no_chart, value_scale
from orchestrator.tell.report.facts import Fact
from orchestrator.tell.report.numbers import significant
from orchestrator.tell.report.tables import Cell, Heading, Row, Table, number, text

NAME, TITLE = "heat", "Median latency of each minute"
_COLOURS = ("var(--winner)", "var(--default)", "var(--rejected)", "var(--other)")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])


def heat_facts(found: Heat | str) -> list[Fact]:
    if isinstance(found, str):
        return [Fact("Cold and hot", f"not known: {found}", absent=True)]
    labels = {course.candidate.key: course.candidate.label for course in found.courses}
    return [
        Fact("Cold and hot", f"{found.sentence}.", f"intervals over {found.basis}"),
        *(_fact(phase, labels) for phase in (found.cold, found.hot)),
    ]


def _fact(phase: Phase, labels: dict[str, str]) -> Fact:
    name = f"{phase.name.capitalize()} winner"
    ratio = phase.ratio
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return Fact(name, f"not known: {ratio.reason}", absent=True)
    slower = f"{labels[phase.next_best]} is {significant(ratio.value)} times as slow"
    interval = f"{100 * ratio.confidence:.3g} %: {significant(ratio.low)} … {significant(ratio.high)}"
    value = labels[phase.fastest] if phase.wins else "no difference beyond the noise"
    return Fact(name, value, f"{slower} ({interval})")


def heat_chart(found: Heat | str) -> Chart:
    if isinstance(found, str):
        return no_chart(NAME, TITLE, found)
    order = [course.candidate.label for course in found.courses]
    rows = [row for course in found.courses for row in _minutes(course)]
    scale = value_scale([row["ms"] for row in rows])
    legend = alt.Legend(
        title=None, orient="top", labelColor="var(--muted)", labelLimit=320, columns=2, symbolType="stroke"
    )
    domain = {"domain": order, "range": [_COLOURS[n % len(_COLOURS)] for n in range(len(order))]}
    dashes = {"domain": order, "range": [_DASHES[n % len(_DASHES)] for n in range(len(order))]}
    lines = (
        alt.Chart(inline(rows))
        .mark_line(point=True, strokeWidth=1.6)
        .encode(
            x=alt.X("minute:Q", title="minute", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("ms:Q", title="median latency, ms", scale=scale),
            detail="run:N",
            color=alt.Color("candidate:N", scale=alt.Scale(**domain), legend=legend),
            strokeDash=alt.StrokeDash("candidate:N", scale=alt.Scale(**dashes), legend=legend),
            tooltip=["candidate:N", "minute:Q", alt.Tooltip("ms:Q", title="median, ms", format=".3~r")],
        )
    )
    caption = "Each line is one sustained session, from intended arrival. The last minute may be a part of one."
    return drawn(Words(NAME, TITLE, caption, found.sentence), lines, 240)


def _minutes(course: Course) -> Rows:
    return [
        {"candidate": course.candidate.label, "run": f"{course.candidate.key}/{run}", "minute": n + 1, "ms": ms}
        for run, minutes in enumerate(course.minutes)
        for n, ms in enumerate(minutes)
    ]


def heat_table(found: Heat | str) -> Table | None:
    if isinstance(found, str):
        return None
    headings = (
        Heading("Candidate"),
        Heading("Sessions", number=True),
        Heading("Cold", "ms", number=True),
        Heading("Hot", "ms", number=True),
        Heading("Sustained ratio", "hot / cold", number=True),
        Heading("Knee", "s"),
        Heading("Time to throttle", "s"),
    )
    caption = "Median latency before and after it got hot; ratio, knee and clock of the first session"
    return Table(NAME, caption, headings, tuple(Row(_cells(course)) for course in found.courses))


def _throttled(course: Course) -> str:
    if course.throttled_s is not None:
        return significant(course.throttled_s)
    return "no clock fell and stayed there" if course.clock_read else "no core clock was read"


def _cells(course: Course) -> tuple[Cell, ...]:
    return (
        text(course.candidate.label),
        number(str(course.runs)),
        number(significant(course.cold_ms)),
        number(significant(course.hot_ms)),
        number("-" if course.ratio is None else significant(course.ratio)),
        text("never slower for good" if course.knee_s is None else significant(course.knee_s)),
        text(_throttled(course)),
    )
