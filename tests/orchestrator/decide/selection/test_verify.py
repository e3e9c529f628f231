from dataclasses import replace

import pytest

from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.verify import verify
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import Decision
from orchestrator.domain.session import Session
from tests.sessions import STUDY, artifact, candidate, race, score, session

BASE, INT8 = candidate(), candidate("onnx:int8-dynamic")
ARTIFACT = artifact("onnx:int8-dynamic", 220_000)


def raced(**limits: float) -> Decision:
    return decide(
        STUDY,
        race(BASE, service_ms=4.0) + race(INT8, service_ms=2.0),
        [artifact(), ARTIFACT],
        [score(BASE, range(40)), score(INT8, range(40))],
        objective=Objective(),
        constraints=Constraints(**limits),
    )


def fresh(of: Candidate, service_ms: float, count: int = 2) -> list[Session]:
    return [session(of, block=1000 + i, service_ms=service_ms, seed=7) for i in range(count)]


def test_the_same_again_is_verified() -> None:
    sessions = fresh(INT8, 2.0) + fresh(BASE, 4.0)
    found = verify(raced(), sessions, ARTIFACT)
    assert (found.passed, found.byte_equal, found.metric) == (True, True, "latency_p50_ms")
    assert found.measured.n == 2
    assert found.session_ids == tuple(s.session_id for s in sessions)
    assert "expected from the race" in found.reason


def test_slower_than_predicted_is_not() -> None:
    found = verify(raced(), fresh(INT8, 2.6), ARTIFACT)
    assert not found.passed
    assert found.reason.startswith("does not repeat: 2.6")
    assert found.expected.high is not None
    assert found.measured.value is not None
    assert found.measured.value > found.expected.high


def test_better_than_predicted_is() -> None:
    found = verify(raced(), fresh(INT8, 1.5), ARTIFACT)
    assert found.passed
    assert "better than" in found.reason


def test_a_device_that_became_slower_altogether_is_told_from_a_slow_winner() -> None:
    alike = verify(raced(), fresh(INT8, 2.6) + fresh(BASE, 5.2), ARTIFACT)
    assert alike.passed
    assert "the default moved alike" in alike.reason
    assert not verify(raced(), fresh(INT8, 2.6) + fresh(BASE, 4.0), ARTIFACT).passed


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ([], "no fresh session"),
        ([session(INT8, block=1000, failure="killed")], "failed: killed"),
        ([*fresh(INT8, 2.0), session(INT8, block=1005, service_ms=2.0, throttled_after=True)], "throttled"),
    ],
)
def test_what_is_missing_failed_or_throttled_is_not(spoilt: list[Session], reason: str) -> None:
    found = verify(raced(), spoilt, ARTIFACT)
    assert not found.passed
    assert reason in found.reason


def test_a_limit_must_hold_again() -> None:
    tight = raced(max_p99_ms=2.3)
    assert tight.winner == INT8.key
    assert not verify(tight, fresh(INT8, 2.2), ARTIFACT).passed
    assert "max_p99_ms is 2.3" in verify(tight, fresh(INT8, 2.2), ARTIFACT).reason


def test_other_bytes_need_parity() -> None:
    other = replace(ARTIFACT, sha256="d" * 64)
    again = replace(INT8, artifact_sha256=other.sha256)
    assert verify(raced(), fresh(again, 2.0), other).passed
    assert not verify(raced(), fresh(again, 2.0), other).byte_equal
    unequal = replace(other, parity=replace(other.parity, passed=False))
    assert "fail parity" in verify(raced(), fresh(again, 2.0), unequal).reason


def test_a_default_that_won_is_verified_alone() -> None:
    decision = decide(STUDY, race(BASE), [artifact()], [score(BASE)], objective=Objective(), constraints=Constraints())
    assert decision.winner == decision.baseline == BASE.key
    assert verify(decision, fresh(BASE, 2.0), artifact()).passed
    assert not verify(decision, fresh(BASE, 3.0), artifact()).passed


def test_no_winner_is_nothing_to_verify() -> None:
    nobody = decide(STUDY, [], [], [], objective=Objective(), constraints=Constraints())
    with pytest.raises(ValueError, match="no winner"):
        verify(nobody, [], ARTIFACT)
