"""The state drift of a study's winner, or how to measure it."""

from dataclasses import dataclass

from orchestrator.domain.decision import CandidateVerdict
from orchestrator.domain.state_drift import ShownDrift
from orchestrator.tell.report.chart import Chart
from orchestrator.tell.report.drift_charts import length_chart, tensor_charts
from orchestrator.tell.report.drift_tables import length_table, tensor_table
from orchestrator.tell.report.facts import Fact
from orchestrator.tell.report.tables import Table

# The worst ones; the rest is in the table, and in the page of ``earshot drift``.
_DRAWN = 2


@dataclass(frozen=True)
class DriftSection:
    facts: tuple[Fact, ...]
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


def drift_section(winner: CandidateVerdict | None, shown: ShownDrift | None) -> DriftSection:
    if winner is None:
        return DriftSection((Fact("State drift", "not measured: there is no winner", absent=True),))
    if shown is None:
        return DriftSection((_how(winner),))
    report = shown.report
    facts = (
        Fact("State drift", report.sentence, f"{report.seconds / 60:.3g} min on the controller, {report.artifact}"),
        *(Fact("Remedy", sentence) for sentence in report.further[:1]),
        *(Fact("By length", sentence) for sentence in report.further[1:]),
    )
    drawn = tensor_charts(report, shown.max_abs)[:_DRAWN] if shown.max_abs else []
    gone = () if drawn else (Fact("Raw series", f"gone: {report.series} is not beside the ledger", absent=True),)
    lengths = (length_table(report),) if report.lengths else ()
    return DriftSection((*facts, *gone), (*drawn, length_chart(report)), (tensor_table(report), *lengths))


def _how(winner: CandidateVerdict) -> Fact:
    candidate = winner.candidate
    command = f"earshot drift {candidate.artifact_sha256[:12]} --minutes 10"
    if candidate.recipe.precision == "fp32":
        value = "not measured: the winner is of the precision that drift is measured against"
        return Fact("State drift", value, f"{command} streams it all the same", absent=True)
    value = "not measured for the winner's artifact"
    return Fact(
        "State drift", value, f"measure it with {command}, then draw this page again: earshot report", absent=True
    )
