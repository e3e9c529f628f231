"""What the report says of gates, goals and a weighted profile."""

from dataclasses import replace

import pytest

from orchestrator.domain.decision import SCORE, CandidateVerdict, Estimate, GateTally, GoalAsked, Nearest
from orchestrator.tell.report.candidate_tables import further_table
from orchestrator.tell.report.content import ReportContent
from orchestrator.tell.report.facts import asked
from orchestrator.tell.report.gates_table import gates_table, goals_table
from orchestrator.tell.report.headline import key_figures
from orchestrator.tell.report.numbers import COLUMNS
from orchestrator.tell.report.page import render
from orchestrator.tell.report.pareto_chart import pareto_chart
from tests.orchestrator.tell import builders

GOAL = "latency_p99_ms:percent-min-improvement=20"


@pytest.fixture(scope="module")
def content() -> ReportContent:
    made = builders.content(chunks=50, blocks=2)
    nearest = next(v for v in made.decision.candidates if v.status == "rejected").candidate.key
    tally = GateTally("max_size_mb", 2, nearest, "size_mb is 9 MB; max_size_mb is 5", "--max-size-mb 9.01")
    export = GateTally("export", 1, "0" * 16, "no kernel", "try another recipe")
    goals = (
        GoalAsked(GOAL, "latency_p99_ms", 12.0, 9.6),
        GoalAsked("accuracy:percent-max-degradation=2", "quality_loss", None, None, "the fp32 default has no score"),
    )
    spans = ("latency_p99_ms", "size_mb")
    decision = replace(made.decision, gates=(export, tally), goals=goals, spans=spans, relax=("--max-size-mb 9.01",))
    return replace(made, decision=decision)


def test_each_gate_has_its_count_its_nearest_and_what_would_do(content: ReportContent) -> None:
    table = gates_table(content)
    assert table is not None
    export, size = ([cell.text for cell in row.cells] for row in table.rows)
    assert export == ["export", "1", "-", "never ran", "try another recipe"]
    nearest = next(e for e in content.ranked() if e.key == content.decision.gates[1].nearest)
    assert size == ["max_size_mb", "2", str(nearest.number), nearest.words, "--max-size-mb 9.01"]
    assert table.rows[1].cells[3].detail == "size_mb is 9 MB; max_size_mb is 5"


def test_a_goal_has_the_limit_that_follows_from_the_default(content: ReportContent) -> None:
    table = goals_table(content)
    assert table is not None
    known, unknown = table.rows
    assert [cell.text for cell in known.cells] == [GOAL, "12.0 ms", "9.60 ms"]
    assert [cell.kind for cell in unknown.cells[1:]] == ["absent", "absent"]
    assert table.notes == ("the fp32 default has no score",)


def test_an_older_decision_has_neither() -> None:
    older = builders.content(chunks=50, blocks=2)
    assert gates_table(older) is None
    assert goals_table(older) is None


def test_the_page_shows_them(content: ReportContent) -> None:
    page = render(content)
    for text in ("table-gates", "table-goals", GOAL, "--max-size-mb 9.01", "worse in none of latency p99, size"):
        assert text in page


def test_a_weighted_profile_says_its_weights(content: ReportContent) -> None:
    scored = tuple(
        CandidateVerdict(v.candidate, v.status, v.reason, {**v.metrics, SCORE: Estimate(0.5, 0.4, 0.6, 5)}, v.gate)
        for v in content.decision.candidates
    )
    weights = {"latency_p50_ms": 0.75, "size_mb": 0.25}
    own = replace(content, decision=replace(content.decision, objective=SCORE, weights=weights, candidates=scored))
    first = asked(own, COLUMNS[SCORE])[0]
    assert (first.value, first.detail) == ("lowest weighted score", "latency p50 75.0 %, size 25.0 %")
    assert "0.500" in render(own)


def test_of_streams_the_most_are_wanted_and_up_is_better(content: ReportContent) -> None:
    held = tuple(
        replace(v, metrics={**v.metrics, "streams_held": Estimate(float(n), n, n + 1.0, 8, "sessions")})
        for n, v in enumerate(content.decision.candidates, 1)
    )
    decision = replace(content.decision, objective="streams_held", candidates=held, constraints={"min_streams": 4.0})
    own = replace(content, decision=decision)
    facts = asked(own, COLUMNS["streams_held"])
    assert facts[0].value == "most streams held"
    assert "streams held ≥ 4 streams" in facts[1].value
    assert pareto_chart(own, "streams_held").caption.startswith("Up and to the left is better")
    assert [e.verdict.metrics["streams_held"].value for e in own.ranked() if e.verdict.status == "rejected"] == sorted(
        (v.metrics["streams_held"].value for v in held if v.status == "rejected"), key=lambda n: -float(n or 0)
    )
    elsewhere = replace(own, decision=replace(decision, objective="latency_p99_ms"))
    assert "Streams held" in [heading.text for heading in further_table(elsewhere).headings]
    assert "Streams held" not in [heading.text for heading in further_table(content).headings]


def test_an_infeasible_request_says_what_would_do(content: ReportContent) -> None:
    nearest = Nearest("min_streams", 4.0, content.decision.candidates[0].candidate.key, 2.0)
    decision = replace(content.decision, verdict="infeasible", winner=None, nearest=nearest)
    shown = key_figures(replace(content, decision=decision), COLUMNS["latency_p99_ms"])
    assert shown[0].name == "Binding constraint: streams held at least"
    assert (shown[-1].name, shown[-1].value) == ("It would pass with", "--max-size-mb 9.01")
