"""The table of peak memory: each phase, how it is known, and what is absent."""

from dataclasses import replace

import pytest

from agents import wire
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.memory import memory_table
from orchestrator.tell.report.observer import observer_facts
from orchestrator.tell.report.tables import Cell, Table
from tests.orchestrator.ledger.test_observer import FOUND
from tests.orchestrator.tell import builders


@pytest.fixture(scope="module")
def content() -> ReportContent:
    return builders.content(chunks=60, blocks=1)


def with_memory(of: ReportContent, *phases: wire.PhaseMemory) -> ReportContent:
    sessions = [replace(s, result=replace(s.result, memory=phases, pss=None)) for s in of.sessions]
    return replace(of, sessions=sessions)


def cells(table: Table) -> dict[str, Cell]:
    """Of the first candidate, by heading."""
    return {h.text: cell for h, cell in zip(table.headings, table.rows[0].cells, strict=True)}


def test_each_phase_with_what_it_was_made_of(content: ReportContent) -> None:
    table = memory_table(content)
    shown = cells(table)
    assert [(shown[p].text, shown[p].detail) for p in ("Import", "Load", "First run", "Steady")] == [
        ("52.0", "26.0 + 25.0"),
        ("58.0", "28.0 + 29.0"),
        ("60.0", "29.0 + 30.0"),
        ("61.0", "29.0 + 31.0"),
    ]
    assert shown["PSS"].text == "41.0"
    assert "no peak" in table.notes[(shown["PSS"].note or 0) - 1]
    assert "MemAvailable fell" not in shown


def test_a_sampled_peak_is_shown_as_its_two_bounds(content: ReportContent) -> None:
    sampled = wire.PhaseMemory("load", 40_000_000, 1, 1, wire.SAMPLED, 90_000_000, 7)
    rose = wire.PhaseMemory("import", 90_000_000, 1, 1, wire.HWM_ROSE)
    table = memory_table(with_memory(content, rose, sampled))
    shown = cells(table)
    assert (shown["Load"].text, shown["Load"].detail) == ("≥ 40.0", "≤ 90.0")
    assert "sampled, as the kernel does not reset the peak" in table.notes[(shown["Load"].note or 0) - 1]
    assert shown["Import"].text == "90.0"
    assert "it rose in this phase" in table.notes[(shown["Import"].note or 0) - 1]
    for name in ("First run", "Steady", "PSS"):
        assert (shown[name].text, shown[name].kind) == ("not measured", "absent")


def test_a_jetson_has_a_column_more(content: ReportContent) -> None:
    phase = wire.PhaseMemory("load", 40_000_000, 1, 1, wire.HWM_RESET, available_drop_bytes=812_000_000)
    assert cells(memory_table(with_memory(content, phase)))["MemAvailable fell"].text == "812"


def test_what_observing_cost_is_told_part_by_part(content: ReportContent) -> None:
    told = {fact.name: fact for fact in observer_facts(replace(content, on_off=FOUND))}
    share = told["Observer's share of one core"]
    assert "sampler 0.333 %, watchdog 0.167 %" in share.detail
    assert told["Resident memory of the observer"].value == "median 47.0 MB"
    assert told["Observer on and off"].value.startswith("no change beyond 5 %: service time x1.00")
    assert "2026-03-01" in told["Observer on and off"].detail
    never = {fact.name: fact for fact in observer_facts(content)}["Observer on and off"]
    assert (never.absent, "doctor pi5-lab --observer" in never.value) == (True, True)
