"""Rounds of re-export, in the report: hypothesis, prediction beside measurement, layers, and what was only heard."""

from dataclasses import replace

from orchestrator.domain.decision import Estimate
from orchestrator.domain.rounds import Heard, LayerError, Prediction, Round, Rounds, Sensitivity, Suspect, Trial
from orchestrator.tell.report.page import render
from orchestrator.tell.report.rounds import rounds_section
from tests.orchestrator.tell.builders import STUDY_ID, content

SEED = "onnx:int8-qdq"
MIXED = "onnx:int8-qdq(exclude_nodes=down+up)"
LAYERS = (
    LayerError("up", "MatMul", 41.0, 44.0, 38.0, 0.5),
    LayerError("down", "MatMul", None, 0.25, 0.1, 0.5),
    LayerError("add", "Add", None, 43.0, None, 0.0),
)
TRIAL = Trial(
    MIXED,
    Prediction(0.0, None, "loss heard on the controller; its speed is not predicted: it was never timed"),
    "passed",
    "lowest median latency",
    "a label",
    "latency_p50_ms",
    Estimate(0.001, -0.002, 0.004, 96, "items"),
    Estimate(2.04, 1.9, 2.2, 5),
    Estimate(None, reason="nothing passed before it"),
)
ROUND = Round(
    1,
    SEED,
    "mend",
    "the activations x that down reads are ruined",
    (TRIAL,),
    Sensitivity(SEED, 24, LAYERS, (Suspect(("down", "up"), "the activations x that down reads", 0.25),)),
    (
        Heard("layers in float", MIXED, 0.0, 28.5, 1.0),
        Heard("other types", "onnx:int8-qdq(weight=u8)", None, None, 0.0, refused="SNR 0.4 dB"),
    ),
    96,
    240,
    "loss +0.1 %, 2.04x the fp32 default",
    Estimate(2.04, 1.9, 2.2, 5),
)


def test_prediction_stands_beside_measurement() -> None:
    section = rounds_section(Rounds(STUDY_ID, (ROUND,), "no further idea"))
    assert section is not None
    assert section.ended.value == "no further idea"
    (shown,) = section.rounds
    assert shown.trials is not None
    (row,) = shown.trials.rows
    assert [cell.text for cell in row.cells[1:]] == [
        "passed", "0", "+0.10", "not predicted", "2.04", "not measured",
    ]  # fmt: skip
    assert row.cells[5].detail == "1.90 … 2.20"
    assert shown.trials.notes[0].startswith("loss heard on the controller")


def test_layers_come_the_worst_first_and_what_was_heard_says_why_not() -> None:
    section = rounds_section(Rounds(STUDY_ID, (ROUND,)))
    assert section is not None
    assert section.ended.absent
    layers, heard = section.rounds[0].further
    assert [row.cells[0].text for row in layers.rows] == ["down", "up", "add"]
    assert [cell.text for cell in layers.rows[0].cells[1:]] == ["not rounded", "0.250", "0.100", "50.0"]
    assert layers.rows[0].cells[0].detail == "MatMul, suspect"
    assert "96 of 240 test utterances" in heard.caption
    assert [(row.cells[2].text, row.role) for row in heard.rows] == [("0", "winner"), ("no artifact", "")]
    assert heard.notes == ("SNR 0.4 dB",)


def test_the_page_has_the_section_where_there_were_rounds_and_else_not() -> None:
    made = content()
    page = render(replace(made, rounds=Rounds(STUDY_ID, (ROUND,), "no further idea")))
    assert '<section id="rounds">' in page
    assert 'href="#rounds"' in page
    assert "the activations x that down reads are ruined" in page
    assert 'href="#rounds"' not in render(made)
    assert '<section id="rounds">' not in render(made)


def test_a_round_that_waits_for_the_device_and_one_without_trials() -> None:
    waiting = replace(ROUND, trials=(Trial(MIXED, TRIAL.prediction),), verdict=None, gain=None)
    idle = replace(ROUND, number=2, trials=(), heard=(), sensitivity=Sensitivity(SEED, reason="no audio"))
    section = rounds_section(Rounds(STUDY_ID, (waiting, idle)))
    assert section is not None
    first, second = section.rounds
    assert any(fact.absent and fact.name == "Result" for fact in first.facts)
    assert first.trials is not None
    assert first.trials.rows[0].cells[1].text == "planned"
    assert second.trials is None
    assert second.further == ()
