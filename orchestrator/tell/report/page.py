"""The page: every section's facts, tables and charts, poured into one file that needs nothing beside itself."""

import functools
import os
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from orchestrator.tell.report.candidate_tables import candidate_table, further_table
from orchestrator.tell.report.chart import CONFIG, Chart
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.drift_section import drift_section
from orchestrator.tell.report.energy import energy_facts, energy_table
from orchestrator.tell.report.environment import environment_facts, runtime_table, sensor_table
from orchestrator.tell.report.export_table import export_table
from orchestrator.tell.report.facts import asked, raw_times
from orchestrator.tell.report.gates_table import gates_table, goals_table
from orchestrator.tell.report.headline import key_figures
from orchestrator.tell.report.heat import heat_chart, heat_facts, heat_table
from orchestrator.tell.report.latency_charts import spread_chart, tail_chart
from orchestrator.tell.report.memory import memory_table
from orchestrator.tell.report.numbers import COLUMNS
from orchestrator.tell.report.observer import observer_facts, session_table
from orchestrator.tell.report.paired_chart import paired_chart
from orchestrator.tell.report.pareto_chart import pareto_chart
from orchestrator.tell.report.perceived import perceived_chart, perceived_table
from orchestrator.tell.report.placement import operator_table, placement_table
from orchestrator.tell.report.provenance import provenance_table, verification_facts
from orchestrator.tell.report.quality_table import quality_table
from orchestrator.tell.report.rounds import rounds_section
from orchestrator.tell.report.run_table import run_table
from orchestrator.tell.report.streams_table import streams_table
from orchestrator.tell.report.timeline_charts import timeline_charts, timeline_session

# A decision's objective that is not a metric is drawn as what a listener waits.
_DRAWN_OBJECTIVE = "latency_p99_ms"


@dataclass(frozen=True)
class Charts:
    """In the order of the page."""

    spread: Chart
    tail: Chart
    perceived: Chart
    pareto: Chart
    paired: Chart
    timeline: tuple[Chart, ...]
    heat: Chart
    drift: tuple[Chart, ...]

    def drawn(self) -> list[Chart]:
        every = (
            self.spread,
            self.tail,
            self.perceived,
            self.pareto,
            self.paired,
            *self.timeline,
            self.heat,
            *self.drift,
        )
        return [chart for chart in every if chart.spec is not None]


def write_report(path: Path, content: ReportContent) -> None:
    """One HTML file at ``path``; a reader sees the old page or the whole new one. Raises OSError."""
    write_page(path, render(content))


def write_page(path: Path, page: str) -> None:
    """As ``write_report``, for a page that is rendered already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def render(content: ReportContent) -> str:
    """The page as text. Values are escaped where they are placed; only our own files are placed as they are."""
    objective = content.decision.objective
    metric = objective if objective in COLUMNS else _DRAWN_OBJECTIVE
    drift = drift_section(content.winner, content.drift)
    charts = Charts(
        spread_chart(content),
        tail_chart(content),
        perceived_chart(content),
        pareto_chart(content, metric),
        paired_chart(content, metric),
        tuple(timeline_charts(content)),
        heat_chart(content.heat),
        drift.charts,
    )
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            content=content,
            decision=content.decision,
            study=content.study,
            entries=content.ranked(),
            key_figures=key_figures(content, COLUMNS[metric]),
            asked=[*raw_times(content), *asked(content, COLUMNS.get(objective))],
            candidates=candidate_table(content),
            further=further_table(content),
            gates=gates_table(content),
            goals=goals_table(content),
            charts=charts,
            perceived=perceived_table(content),
            timeline_session=timeline_session(content),
            heat=heat_facts(content.heat),
            heats=heat_table(content.heat),
            drift=drift,
            quality=quality_table(content),
            rounds=rounds_section(content.rounds),
            energy=energy_facts(content),
            energies=energy_table(content),
            streams=streams_table(content),
            memory=memory_table(content),
            exports=export_table(content),
            environment=environment_facts(content),
            tables=[t for t in (runtime_table(content), sensor_table(content)) if t is not None],
            placement=placement_table(content),
            operators=operator_table(content),
            observer=observer_facts(content),
            sessions=session_table(content),
            runs=run_table(content),
            verification=verification_facts(content),
            provenance=provenance_table(content),
            columns=COLUMNS,
            style=own_file("style.css"),
            script=own_file("page.js"),
            vega=own_file("vega.js"),
            chart_data={"config": CONFIG, "charts": {c.name: c.spec for c in charts.drawn()}},
        )
    )


@functools.cache
def templates() -> jinja2.Environment:
    """The templates of this package; what they place is escaped."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("orchestrator.tell.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def own_file(name: str) -> Markup:
    """A file of this package, placed as it is."""
    return Markup(files("orchestrator.tell.report").joinpath(name).read_text(encoding="utf-8"))
