"""What came of a round on the device, and whether there is another one: on synthetic sessions of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from orchestrator.decide.rounds.outcome import gained, measured, why_ended
from orchestrator.decide.rounds.standing import OTHER, PASSED, SHORT, UNEQUAL, WRONG, Standing, best_of, standings
from orchestrator.decide.selection.choose import decide
from orchestrator.decide.selection.constraints import Constraints
from orchestrator.decide.selection.evidence import gather
from orchestrator.decide.selection.objective import Objective
from orchestrator.decide.selection.policy import Policy
from orchestrator.domain.decision import Decision, Estimate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.rounds import Prediction, Round, Sensitivity, Trial
from tests import sessions as made

POLICY = Policy()
ZONE = POLICY.indifference
FP32, PLAIN, MIXED = "onnx:fp32", "onnx:int8-qdq", "onnx:int8-qdq(exclude_nodes=a)"
TRIAL = Trial(MIXED, Prediction(0.0, 2.0, "as it was heard"))
ROUND = Round(1, PLAIN, "mend", "a is ruined", (TRIAL,), Sensitivity(PLAIN))


def stand(
    service_ms: Mapping[str, float],
    wrong: Sequence[str] = (),
    refused: Sequence[tuple[str, str, bool]] = (),
    **limits: float,
) -> tuple[Decision, list[Standing]]:
    """Each recipe at its service time; those that are ``wrong`` hear a tenth of everything wrongly."""
    every = [s for text, ms in service_ms.items() for s in made.race(made.candidate(text), service_ms=ms)]
    scores = [made.score(made.candidate(text), range(100) if text in wrong else ()) for text in service_ms]
    artifacts = [made.artifact(text) for text in service_ms]
    asked = {"objective": Objective(), "constraints": Constraints(**limits), "policy": POLICY}
    decision = decide(made.STUDY, every, artifacts, scores, **asked)  # type: ignore[arg-type]
    refusals = [(Recipe.parse(text), reason, unequal) for text, reason, unequal in refused]
    return decision, standings(decision, gather(every, artifacts, scores, POLICY), refusals)


def test_where_each_recipe_stands() -> None:
    decision, found = stand(
        {FP32: 4.0, PLAIN: 1.0, MIXED: 2.0},
        wrong=[PLAIN],
        refused=[("onnx:int8-dynamic", "SNR 0.4 dB", True), ("onnx:int4-weight", "nothing to quantize", False)],
    )
    states = {str(s.recipe): s.state for s in found}
    assert states == {
        FP32: PASSED,
        PLAIN: WRONG,
        MIXED: PASSED,
        "onnx:int8-dynamic": UNEQUAL,
        "onnx:int4-weight": OTHER,
    }
    best = best_of(found, decision)
    assert best is not None
    assert str(best.recipe) == MIXED
    speeds = {str(s.recipe): s.speed.value for s in found}
    assert speeds[PLAIN] == pytest.approx(4.0, rel=0.1)
    assert speeds["onnx:int8-dynamic"] is None
    decision, found = stand({FP32: 4.0, MIXED: 2.0}, max_p50_ms=1.0)
    assert {s.state for s in found} == {SHORT}
    assert best_of(found, decision) is None


def test_a_trial_gets_its_figures_and_the_round_its_gain() -> None:
    before_decision, before = stand({FP32: 4.0, PLAIN: 1.0}, wrong=[PLAIN])
    decision, after = stand({FP32: 4.0, PLAIN: 1.0, MIXED: 2.0}, wrong=[PLAIN])
    done = measured(ROUND, best_of(before, before_decision), after, best_of(after, decision), decision.objective)
    (trial,) = done.trials
    assert (trial.outcome, trial.metric) == ("passed", "latency_p50_ms")
    assert trial.quality_loss is not None
    assert trial.quality_loss.value == 0.0
    assert trial.speed is not None
    assert trial.speed.value == pytest.approx(2.0, rel=0.1)
    assert trial.speed == trial.against_best
    assert done.gain is not None
    assert done.gain.value == pytest.approx(2.0, rel=0.1)
    assert done.verdict is not None
    assert done.verdict.startswith(f"loss +0 %, {done.gain.value:.2f}x the fp32 default; the best by now")
    assert gained(done, ZONE)
    assert why_ended([done], 3, ZONE) is None
    assert why_ended([done], 1, ZONE) == "1 round was asked for"


def test_what_does_not_pass_or_is_no_artifact_says_why_and_the_next_idea_comes() -> None:
    decision, after = stand({FP32: 4.0, MIXED: 2.0}, wrong=[MIXED])
    done = measured(ROUND, best_of(after, decision), after, best_of(after, decision), decision.objective)
    assert done.trials[0].outcome == "failed"
    assert "error rate +10 %" in done.trials[0].reason
    assert done.verdict == f"{MIXED} did not pass: {done.trials[0].reason}"
    assert why_ended([done], 3, ZONE) is None
    decision, after = stand({FP32: 4.0}, refused=[(MIXED, "SNR 3 dB", True)])
    done = measured(ROUND, best_of(after, decision), after, best_of(after, decision), decision.objective)
    assert (done.trials[0].outcome, done.trials[0].reason) == ("refused", "SNR 3 dB")


def test_it_ends_where_what_passed_gained_nothing() -> None:
    decision, after = stand({FP32: 4.0, PLAIN: 2.0, MIXED: 2.0})
    best = best_of(after, decision)
    done = measured(ROUND, best, after, best, decision.objective)
    assert done.trials[0].outcome == "passed"
    assert not gained(done, ZONE)
    assert str(done.verdict).endswith("what was best before it still is")
    assert why_ended([done], 3, ZONE) == "round 1 gained nothing beyond 2 %"


def test_whatever_passes_where_nothing_did_is_a_gain() -> None:
    done = replace(
        ROUND, trials=(replace(TRIAL, outcome="passed"),), gain=Estimate(None, reason="nothing passed before")
    )
    assert gained(done, ZONE)
    nothing = replace(ROUND, trials=(), verdict="nothing of it was worth the device's time")
    assert not gained(nothing, ZONE)
    assert why_ended([nothing], 3, ZONE) is None
