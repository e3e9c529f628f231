"""The sections on heat and on drift: what is known is drawn, what is not says how to measure it."""

from dataclasses import replace

import numpy as np

from orchestrator.domain.heat import heat
from orchestrator.domain.state_drift import FREE_RUNNING, TEACHER_FORCED, ShownDrift
from orchestrator.tell.report.drift_section import drift_section
from orchestrator.tell.report.heat import heat_chart, heat_facts, heat_table
from orchestrator.tell.report.page import render
from tests.orchestrator.domain.test_heat import both
from tests.orchestrator.tell import builders
from tests.orchestrator.tell.test_drift_page import CHUNKS, report
from tests.orchestrator.tell.test_report_page import chart_specs
from tests.sessions import SAMPLE_RATE_HZ

SERIES = {TEACHER_FORCED: np.full((CHUNKS, 2), 0.01), FREE_RUNNING: np.linspace(0.1, 3, 2 * CHUNKS).reshape(CHUNKS, 2)}


def test_the_hot_winner_stands_beside_the_cold_one() -> None:
    found = heat(both((3.0, 6.0), (4.0, 4.0)), SAMPLE_RATE_HZ)
    facts = {fact.name: fact for fact in heat_facts(found)}
    assert facts["Cold and hot"].value.startswith("the cold winner is not the hot one")
    assert facts["Cold and hot"].detail == "intervals over independent runs"
    assert facts["Cold winner"].value == "onnx:int8-dynamic CPU 1t"
    assert facts["Hot winner"].value == "onnx:fp32 CPU 1t"
    assert "onnx:int8-dynamic CPU 1t is 1.5" in facts["Hot winner"].detail
    table = heat_table(found)
    assert table is not None
    assert [cell.text for cell in table.rows[0].cells[-2:]] == ["240", "no core clock was read"]
    assert heat_chart(found).spec is not None
    page = render(replace(builders.content(chunks=100, blocks=1), heat=found))
    assert "heat" in chart_specs(page)


def test_without_sustained_sessions_the_section_says_so() -> None:
    page = render(builders.content(chunks=100, blocks=1))
    assert "not known: no session was long enough" in page
    assert "heat" not in chart_specs(page)


def test_the_winners_drift_is_drawn_where_it_was_measured() -> None:
    page = render(replace(builders.content(chunks=100, blocks=1), drift=ShownDrift(report(), SERIES)))
    assert {"drift-0", "drift-1", "lengths"} <= set(chart_specs(page))
    assert "Drifts: state h." in page
    assert 'id="table-drift-tensors"' in page


def test_a_drift_whose_series_are_gone_keeps_its_figures() -> None:
    found = drift_section(builders.content(chunks=100, blocks=1).winner, ShownDrift(report(), {}))
    assert [fact.value for fact in found.facts if fact.absent] == ["gone: drift/x.npz is not beside the ledger"]
    assert [chart.name for chart in found.charts] == ["lengths"]
    assert len(found.tables) == 2


def test_a_drift_that_was_not_measured_names_its_command() -> None:
    made = builders.content(chunks=100, blocks=1)
    assert made.winner is not None
    (fact,) = drift_section(made.winner, None).facts
    assert fact.absent
    assert f"earshot drift {made.winner.candidate.artifact_sha256[:12]}" in fact.detail
    assert fact.detail in render(made)
    (fact,) = drift_section(None, None).facts
    assert fact.value == "not measured: there is no winner"
