"""Of what the controller heard: the least work in float goes to the device, with what is expected of it there."""

from dataclasses import replace

import pytest

from orchestrator.decide.rounds.choose import plan
from orchestrator.decide.rounds.seed import BOLDER
from orchestrator.domain.rounds import Heard, Sensitivity
from tests.orchestrator.decide.rounds.situations import SENSITIVITY, heard, seed

LIMIT, ZONE = 0.01, 0.02
PAIR = heard("onnx:int8-qdq(exclude_nodes=layer_1+layer_2)", 0.0, 27.0, 2 / 6)
MORE = heard("onnx:int8-qdq(exclude_nodes=layer_0+layer_1+layer_2)", 0.0, 27.5, 3 / 6)
SAFER = heard("onnx:int8-qdq(exclude_nodes=layer_1+layer_2+layer_5)", 0.0, 33.0, 3 / 6)
BROKEN = heard("onnx:int8-qdq(exclude_nodes=layer_5)", None, None, 1 / 6)
DEAF = heard("onnx:int8-qdq(granularity=channel)", 0.8, 9.0, 0.0)


def test_the_least_in_float_that_hears_well_goes_first_and_a_safer_one_along() -> None:
    chosen = plan(seed(), SENSITIVITY, [MORE, SAFER, PAIR, BROKEN, DEAF], LIMIT, 1.0, ZONE)
    assert [t.recipe for t in chosen.trials] == [PAIR.recipe, SAFER.recipe]
    assert chosen.hypothesis == (
        "onnx:int8-qdq hears too badly: rounding the activations x_2 that layer_2 reads leaves 2.50 dB of its output; "
        "it is mended where an idea (exclude_nodes=layer_1+layer_2), and 66.7 % of the multiplications in int8"
    )
    assert [t.recipe for t in plan(seed(), SENSITIVITY, [MORE, PAIR], LIMIT, 1.0, ZONE).trials] == [PAIR.recipe]


def test_speed_is_predicted_from_the_share_in_float() -> None:
    (trial,) = plan(seed(speed=3.0), SENSITIVITY, [PAIR], LIMIT, 1.0, ZONE).trials
    # A third of the time is int8; a third of the multiplications takes the other two thirds of its own time back.
    assert trial.prediction.speed == pytest.approx(1 / (1 / 3 + 2 / 6 * 2 / 3))
    assert trial.prediction.loss == 0.0
    (trial,) = plan(seed(speed=None), SENSITIVITY, [PAIR], LIMIT, 1.0, ZONE).trials
    assert trial.prediction.speed is None
    assert "never timed" in trial.prediction.basis


def test_what_would_be_no_faster_costs_no_device_time() -> None:
    chosen = plan(seed(speed=3.0), SENSITIVITY, [PAIR], LIMIT, best_speed=1.9, zone=ZONE)
    assert chosen.trials == ()
    assert "no faster than what wins by now" in chosen.hypothesis


def test_where_nothing_hears_well_there_is_no_trial() -> None:
    chosen = plan(seed(), SENSITIVITY, [BROKEN, DEAF], LIMIT, 1.0, ZONE)
    assert chosen.trials == ()
    assert "none of 2 variants mends that" in chosen.hypothesis
    bolder = plan(seed(aim=BOLDER), SENSITIVITY, [BROKEN], LIMIT, 1.0, ZONE)
    assert bolder.hypothesis == "onnx:int8-qdq hears well; none of 1 variants that would be bolder does"
    assert plan(seed(), SENSITIVITY, [], LIMIT, 1.0, ZONE).hypothesis.endswith("was tried already")


def test_a_loss_near_the_limit_is_taken_only_where_nothing_is_better() -> None:
    near = replace(PAIR, loss=0.009)
    assert [t.recipe for t in plan(seed(), SENSITIVITY, [near, MORE], LIMIT, 1.0, ZONE).trials] == [MORE.recipe]
    assert [t.recipe for t in plan(seed(), SENSITIVITY, [near], LIMIT, 1.0, ZONE).trials] == [near.recipe]


def test_what_cannot_be_scored_here_is_chosen_by_its_outputs() -> None:
    def unheard(text: str, snr_db: float) -> Heard:
        return Heard("an idea", text, None, snr_db, None, unheard="a search is scored on the device only")

    good, bad = unheard("onnx:int8-dynamic", 28.0), unheard("onnx:int8-qdq(weight=u8)", 11.0)
    nothing = Sensitivity("onnx:int8-qdq", reason="its layers cannot be told apart")
    chosen = plan(seed(), nothing, [bad, good], LIMIT, 1.0, ZONE)
    assert [t.recipe for t in chosen.trials] == ["onnx:int8-dynamic"]
    assert "its layers cannot be told apart" in chosen.hypothesis
