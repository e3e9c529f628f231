"""The page of ``earshot cascade``: one file that needs nothing beside itself."""

from collections.abc import Sequence

from orchestrator.domain.cascade_budget import SUM, UNKNOWN
from orchestrator.domain.cascade_told import CascadeTold
from orchestrator.domain.session_verdict import INVALID
from orchestrator.tell.report.cascade_charts import Drawn, budget_chart, utterance_chart
from orchestrator.tell.report.cascade_tables import budget_table, partial_table, stage_table, waits_table
from orchestrator.tell.report.chart import CONFIG
from orchestrator.tell.report.facts import Fact
from orchestrator.tell.report.numbers import duration, significant
from orchestrator.tell.report.page import own_file, templates

# Of ``QUANTILES``.
_SAID = ("p50", "p95", "p99")

__all__ = ["Drawn", "render_cascades"]


def render_cascades(every: Sequence[Drawn]) -> str:
    """One cascade, or several side by side in one chart of budgets."""
    charts = [budget_chart(every), *(utterance_chart(each, n) for n, each in enumerate(every))]
    sections = [
        {
            "told": each.told,
            "chart": chart,
            "facts": _facts(each.told),
            "tables": [
                table
                for make in (budget_table, waits_table, partial_table, stage_table)
                if (table := make(each.told, str(n))) is not None
            ],
        }
        for n, (each, chart) in enumerate(zip(every, charts[1:], strict=True))
    ]
    return (
        templates()
        .get_template("cascade.html.j2")
        .render(
            title=" / ".join(each.told.cascade.name for each in every),
            device=every[0].told.device,
            sentences=[_sentence(each.told) for each in every],
            budget_chart=charts[0],
            sections=sections,
            style=own_file("style.css"),
            script=own_file("page.js"),
            vega=own_file("vega.js"),
            chart_data={"config": CONFIG, "charts": {c.name: c.spec for c in charts if c.spec is not None}},
        )
    )


def _sentence(told: CascadeTold) -> str:
    total = next(row for row in told.rows if row.kind == SUM)
    if total.mean_ms is None:
        return f"{told.cascade.name}: no utterance ended"
    p50 = total.percentiles[0].value
    took = f"{significant(p50)} ms in the median" if p50 is not None else f"{significant(total.mean_ms)} ms in the mean"
    said = f"{told.cascade.name} answers {took} after an utterance is over"
    known = [f"{total.verdicts[n]} in {name}" for n, name in enumerate(_SAID) if total.budget_ms is not None]
    known = [each for each in known if not each.startswith(UNKNOWN)]
    if told.verdict == INVALID:
        why = told.doubts[0].removeprefix(f"{INVALID}: ")
        return f"{told.cascade.name}: not valid, so that nothing follows from its figures: {why}"
    return f"{said}; the budget of {significant(total.budget_ms or 0.0)} ms is {', '.join(known)}" if known else said


def _facts(told: CascadeTold) -> list[Fact]:
    cascade = told.cascade
    unspoken = "" if not told.unspoken else f"{told.unspoken} of them without a spoken word"
    return [
        Fact("Device", told.device, f"study {told.study_id}"),
        Fact("Audio", duration(told.seconds), f"{len(told.sessions)} session{'' if len(told.sessions) == 1 else 's'}"),
        Fact("Utterances", str(told.utterances), unspoken),
        Fact(
            "Gate",
            f"opens at {cascade.threshold:g}, closes after {cascade.hangover_ms:g} ms below {cascade.release:g}",
            f"{cascade.pre_roll_ms:g} ms of the audio before it are heard too",
        ),
        Fact(
            "Server",
            f"one thread, {cascade.order}; a run is never interrupted, a reply is one run a token",
            f"at most {told.backlog_chunks} chunks waited for {cascade.stages[0].name}",
        ),
        Fact("Harness", f"issued late by {significant(told.lateness_p99_ms)} ms in p99"),
        *(Fact("Not hardware", line) for line in told.not_hardware),
        *(Fact("Doubt", doubt) for doubt in told.doubts),
    ]
