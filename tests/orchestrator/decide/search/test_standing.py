import pytest

from orchestrator.decide.search.question import Entrant, Question, Run
from orchestrator.decide.search.standing import Standings
from orchestrator.errors import BadInput

QUESTION = Question("service_p50_ms", {"quality_loss": 0.01, "latency_p99_ms": 20.0})
GOOD = Entrant("a", {"size_mb": 1.0, "quality_loss": 0.0})


def _run(outcome: str = "ok", **figures: float) -> Run:
    return Run("a", outcome, 0.0, 5.0, figures)


def _standings(*runs: Run, entrant: Entrant = GOOD) -> Standings:
    standings = Standings(QUESTION, [entrant])
    for run in runs:
        standings.add(run)
    return standings


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"size_mb": 1.0, "quality_loss": 0.02}, "quality_loss 0.02 is above 0.01"),
        ({"size_mb": 1.0}, "quality_loss was not measured"),
    ],
)
def test_what_is_known_rejects_before_a_device_is_used(known: dict[str, float], reason: str) -> None:
    assert _standings(entrant=Entrant("a", known)).rejected == {"a": reason}


def test_a_size_that_nobody_asked_for_may_be_missing() -> None:
    assert _standings(entrant=Entrant("a", {"quality_loss": 0.0})).open == ["a"]


FAST = {"service_p50_ms": 5.0, "latency_p99_ms": 9.0}


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        ([_run("fallback", **FAST)], "fell back to another execution provider"),
        ([_run("failed"), _run("failed")], "failed in 2 of 2 runs"),
        ([_run("throttled", **FAST)] * 3, "the device throttled in all of 3 runs"),
        ([_run(service_p50_ms=5.0)] * 2, "latency_p99_ms was not measured in 2 runs"),
        ([_run(latency_p99_ms=5.0)] * 2, "service_p50_ms was not measured in 2 runs"),
        ([_run(service_p50_ms=5.0, latency_p99_ms=30.0)], "latency_p99_ms 30 is above 20 after 1 run(s)"),
    ],
)
def test_what_its_runs_say_rejects(runs: list[Run], reason: str) -> None:
    assert _standings(*runs).rejected == {"a": reason}


@pytest.mark.parametrize("runs", [[_run("failed")], [_run("throttled", **FAST)] * 2, [_run(service_p50_ms=5.0)], []])
def test_bad_luck_is_no_reason_and_no_proof(runs: list[Run]) -> None:
    standings = _standings(*runs)
    assert standings.open == ["a"]
    assert standings.unproven("a") == "no run of it could be used"


def test_a_limit_is_proven_by_more_runs() -> None:
    near = _run(service_p50_ms=5.0, latency_p99_ms=19.5)
    assert "not proven to stay at or below 20 after 1 run" in str(_standings(near).unproven("a"))
    assert _standings(*[near] * 8).unproven("a") is None


@pytest.mark.parametrize("limits", [{"quality_loss": -0.1}, {"rtf": float("nan")}, {"speed": 1.0}])
def test_a_question_that_cannot_be_meant(limits: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        Question("service_p50_ms", limits)


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown metric 'service_p50'") as caught:
        Question("service_p50")
    assert str(caught.value.hint).startswith("did you mean service_p50_ms? ")
