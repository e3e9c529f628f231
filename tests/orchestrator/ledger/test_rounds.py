"""Rounds of a study: what was recorded last is what is read, and a study without any has none."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.decision import Estimate
from orchestrator.domain.rounds import Heard, LayerError, Prediction, Round, Rounds, Sensitivity, Suspect, Trial
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.rounds import record_rounds, rounds_of
from tests.orchestrator.ledger import ledger_samples as samples

LAYERS = (LayerError("up", "MatMul", 4.5, None, 4.0, 0.25), LayerError("down", "MatMul", None, 2.5, 1.0, 0.75))
TRIAL = Trial("onnx:int8-qdq(exclude_nodes=up)", Prediction(0.0, 2.1, "by the share of its work"))
ROUND = Round(
    1,
    "onnx:int8-qdq",
    "mend",
    "up is ruined by its weights",
    (TRIAL,),
    Sensitivity("onnx:int8-qdq", 8, LAYERS, (Suspect(("up",), "weights of up", 4.5),)),
    (
        Heard("exclude", TRIAL.recipe, 0.0, 30.5, 0.25),
        Heard("types", "onnx:int8-qdq(weight=u8)", None, None, 0.0, "no artifact"),
    ),
    48,
    96,
)


def test_a_round_is_planned_then_measured(tmp_path: Path) -> None:
    study = samples.study()
    measured = replace(
        TRIAL, outcome="passed", reason="passed every gate", label="a CPU 1t", metric="service_p50_ms",
        quality_loss=Estimate(0.0, -0.01, 0.01, 48, "items"), speed=Estimate(2.0, 1.9, 2.1, 3),
        against_best=Estimate(None, reason="nothing passed before"),
    )  # fmt: skip
    ended = replace(ROUND, trials=(measured,), verdict="2.0x", gain=Estimate(2.0, 1.9, 2.1, 3))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_study(study)
        assert rounds_of(ledger, study.study_id) is None
        planned = Rounds(study.study_id).with_round(ROUND)
        record_rounds(ledger, planned)
        assert rounds_of(ledger, study.study_id) == planned
        finished = replace(planned.with_round(ended), ended="no further idea")
        record_rounds(ledger, finished)
        assert rounds_of(ledger, study.study_id) == finished
    assert finished.tried == {TRIAL.recipe, "onnx:int8-qdq(weight=u8)"}


def test_rounds_are_numbered_and_end_measured() -> None:
    with pytest.raises(ValueError, match="numbered"):
        Rounds("s", (replace(ROUND, number=2),))
    with pytest.raises(ValueError, match="before all of its trials"):
        replace(ROUND, verdict="done")
    with pytest.raises(ValueError, match="outcome"):
        replace(TRIAL, outcome="won")
