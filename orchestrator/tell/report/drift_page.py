"""The page of ``earshot drift``: one file that needs nothing beside itself."""

from orchestrator.domain.state_drift import DriftReport
from orchestrator.tell.report.chart import CONFIG, Float64
from orchestrator.tell.report.drift_charts import length_chart, tensor_charts
from orchestrator.tell.report.drift_tables import length_table, tensor_table
from orchestrator.tell.report.facts import Fact
from orchestrator.tell.report.page import own_file, templates


def render_drift(report: DriftReport, max_abs: dict[str, Float64]) -> str:
    """``max_abs[way]``: the greatest |d| of each chunk, shape (chunks, tensors), as ``report`` orders tensors."""
    charts, lengths = tensor_charts(report, max_abs), length_chart(report)
    specs = {c.name: c.spec for c in (*charts, lengths) if c.spec is not None}
    return (
        templates()
        .get_template("drift.html.j2")
        .render(
            report=report,
            charts=charts,
            length_chart=lengths,
            tensors=tensor_table(report),
            lengths=length_table(report),
            facts=_facts(report),
            style=own_file("style.css"),
            script=own_file("page.js"),
            vega=own_file("vega.js"),
            chart_data={"config": CONFIG, "charts": specs},
        )
    )


def _facts(report: DriftReport) -> list[Fact]:
    confidence = report.tensors[0].slope_per_minute.confidence
    return [
        Fact("Artifact", report.artifact, report.artifact_sha256),
        Fact("fp32 source", report.model, report.source_sha256),
        Fact(
            "Stream",
            f"{report.seconds:.1f} s in chunks of {1000 * report.chunk_s:g} ms",
            f"the same {report.loop_s:.1f} s again and again",
        ),
        Fact("Resets in silence", str(report.resets), report.absent.get("resets", "")),
        Fact("Intervals", f"{100 * confidence:.3g} % each, so that all tensors' hold together at 95 %"),
        Fact("Raw series", report.series),
    ]
