"""A winner that does not repeat goes back to the race. Only the verdict of its verification is made up here."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.verify import verify
from orchestrator.domain.decision import Decision, Verification
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import VERIFY_BLOCK
from orchestrator.ledger.ledger import Ledger
from orchestrator.workflows import verification
from orchestrator.workflows.again import decide_again
from orchestrator.workflows.progress import Silent
from orchestrator.workflows.settings import TuneSettings
from orchestrator.workflows.sustaining import SUSTAINED_BLOCK
from orchestrator.workflows.tune import TuneOutcome, tune
from tests.orchestrator.workflows.mini import add_mini, add_tflite, however_busy

LITERT = Recipe.parse("litert:fp32")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all tests here: what is exported and pushed once stays."""
    folder = tmp_path_factory.mktemp("settle") / "earshot-results"
    add_tflite(add_mini(folder))
    return folder


@pytest.fixture(autouse=True)
def home(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local device's disk."""
    monkeypatch.setenv("HOME", str(results.parent))
    however_busy(monkeypatch)


def tuned(results: Path, **more: Any) -> TuneOutcome:
    """By memory, of which LiteRT takes less than onnxruntime however busy this machine is."""
    settings = TuneSettings(
        "mini",
        results=results,
        recipes=(LITERT,),
        objective=Objective("memory"),
        constraints=Constraints(max_quality_loss=1.0, real_time=False),
        budget_s=0.6,
        paced_s=0.7,
        flat_out_s=1.0,
        allow_suspect=True,
        rounds=0,
        **more,
    )
    return tune(settings, Silent())


def test_one_that_fails_twice_is_set_aside_and_the_next_is_tried(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def twice(decision: Decision, *words: Any, **named: Any) -> Verification:
        asked.append(str(decision.winner))
        found = verify(decision, *words, **named)
        return replace(found, passed=len(asked) > 2, reason=f"verification {len(asked)}")

    monkeypatch.setattr(verification, "verify", twice)
    outcome = tuned(results)
    decision = outcome.decision
    assert asked[0] == asked[1] != asked[2]
    (aside,) = [v for v in decision.candidates if v.gate == "verification"]
    assert (aside.candidate.key, aside.candidate.recipe, aside.status) == (asked[0], LITERT, "rejected")
    assert aside.reason == "its verification failed 2 times: verification 2"
    assert decision.winner == asked[2] == decision.baseline
    assert decision.verification is not None
    assert decision.verification.passed
    assert "back to the race 2 times: litert:fp32 XNNPACK" in decision.verification.reason
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        paced = ledger.sessions(decision.study_id, mode="paced", with_arrays=False)
        assert ledger.decision(decision.study_id) == decision
    # Nor does `earshot select` take it again.
    anew = decide_again(
        results, decision.study_id, Objective("memory"), Constraints(max_quality_loss=1.0, real_time=False)
    )
    assert (anew.winner, anew.of(asked[0]).gate) == (decision.baseline, "verification")
    verifying = {s.planned.block for s in paced if s.planned.block >= VERIFY_BLOCK}
    assert len(verifying) == 3 * verification.VERIFY_PAIRS, "each verification had sessions of its own"
    again = [s for s in paced if s.planned.block < VERIFY_BLOCK and s.planned.candidate.key == asked[0]]
    assert len({s.planned.block for s in again}) >= 6, "it was raced once more before it was verified again"


def test_the_winner_lasts_before_it_is_recommended(results: Path) -> None:
    outcome = tuned(results, sustained_minutes=0.05)
    decision = outcome.decision
    assert decision.verification is not None
    assert decision.verification.passed, decision.verification.reason
    with Ledger.open(results / "ledger.db", create=False) as ledger:
        (long,) = [s for s in ledger.sessions(decision.study_id) if s.planned.block == SUSTAINED_BLOCK]
    assert long.planned.candidate.key == decision.winner
    assert long.planned.chunk_count * long.planned.candidate.chunk_samples == 3 * 16000
