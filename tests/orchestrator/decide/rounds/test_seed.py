"""Where the next round starts: what would win if only it heard better, then what was never timed, then bolder."""

from orchestrator.decide.rounds.seed import BOLDER, LEARN, MEND, next_seed, seed_to_learn
from orchestrator.decide.rounds.standing import OTHER, PASSED, SHORT, UNEQUAL, WRONG
from orchestrator.domain.rounds import Prediction, Round, Sensitivity, Trial
from tests.orchestrator.decide.rounds.situations import standing

FP32 = standing("onnx:fp32", PASSED, 1.0)
ZONE = 0.02


def test_the_fastest_of_those_that_hear_too_badly_is_mended_first() -> None:
    found = [FP32, standing("onnx:int8-dynamic", WRONG, 2.0), standing("onnx:int8-qdq", WRONG, 3.0)]
    seed = next_seed(found, FP32, (), ZONE)
    assert seed is not None
    assert (str(seed.recipe), seed.aim, seed.speed) == ("onnx:int8-qdq", MEND, 3.0)
    following = next_seed(found, FP32, {(MEND, "onnx:int8-qdq")}, ZONE)
    assert following is not None
    assert str(following.recipe) == "onnx:int8-dynamic"


def test_what_could_not_win_anyway_is_left_alone() -> None:
    best = standing("onnx:int8-qdq(weight=u8)", PASSED, 3.0)
    found = [FP32, best, standing("onnx:int8-dynamic", WRONG, 3.05), standing("onnx:fp16", OTHER, 9.0)]
    assert next_seed(found, best, (), ZONE) is None


def test_of_what_was_never_timed_one_of_each_family_and_none_of_a_family_that_passed() -> None:
    found = [
        FP32,
        standing("onnx:int8-qdq(granularity=channel,reduce_range=yes)", UNEQUAL),
        standing("onnx:int8-qdq(reduce_range=yes)", UNEQUAL),
        standing("onnx:int8-dynamic", UNEQUAL),
        standing("onnx:int4-weight", UNEQUAL),
    ]
    seed = next_seed(found, FP32, (), ZONE)
    assert seed is not None
    assert (str(seed.recipe), seed.speed) == ("onnx:int8-qdq(reduce_range=yes)", None)
    mixed = standing("onnx:int8-qdq(exclude_nodes=a,reduce_range=yes)", PASSED, 2.0)
    after = next_seed([*found, mixed], mixed, {(MEND, str(seed.recipe))}, ZONE)
    assert after is not None
    assert str(after.recipe) == "onnx:int8-dynamic"


def test_what_wins_with_layers_in_float_may_be_bolder() -> None:
    mixed = standing("onnx:int8-qdq(exclude_nodes=a+b)", PASSED, 2.0)
    seed = next_seed([FP32, mixed], mixed, (), ZONE)
    assert seed is not None
    assert (seed.aim, str(seed.recipe)) == (BOLDER, "onnx:int8-qdq(exclude_nodes=a+b)")
    assert next_seed([FP32, mixed], mixed, {(BOLDER, str(mixed.recipe))}, ZONE) is None


def test_where_nothing_meets_the_limits_what_hears_well_must_be_faster() -> None:
    found = [standing("onnx:fp32", SHORT, 1.0), standing("onnx:int8-dynamic", SHORT, 1.8)]
    seed = next_seed(found, None, (), ZONE)
    assert seed is not None
    assert (seed.aim, str(seed.recipe)) == (BOLDER, "onnx:int8-dynamic")


def _mend_round(number: int, seed: str, outcome: str) -> Round:
    trial = Trial("onnx:int8-qdq(exclude=recurrent)", Prediction(None, None, ""), outcome)
    return Round(number, seed, MEND, "because", (trial,), Sensitivity(seed), verdict="measured")


def test_what_no_recipe_mended_may_learn_once() -> None:
    wrong = standing("onnx:int8-qdq", WRONG, 3.0)
    failed, passed = _mend_round(1, "onnx:int8-qdq", "failed"), _mend_round(1, "onnx:int8-qdq", "passed")
    seed = seed_to_learn([FP32, wrong], FP32, [failed], ZONE)
    assert seed is not None
    assert (seed.aim, str(seed.recipe), seed.speed) == (LEARN, "onnx:int8-qdq", 3.0)
    assert seed_to_learn([FP32, wrong], FP32, [passed], ZONE) is None
    learned = Round(2, "onnx:int8-qdq", LEARN, "because", (), Sensitivity("onnx:int8-qdq"), verdict="nothing")
    assert seed_to_learn([FP32, wrong], FP32, [failed, learned], ZONE) is None


def test_only_int8_with_the_model_s_own_weights_learns() -> None:
    tuned = standing("onnx:int8-qdq(weights=qat-0123456789ab)", WRONG, 3.0)
    half, other = standing("onnx:fp16", WRONG, 4.0), standing("openvino:int8-static", WRONG, 5.0)
    assert seed_to_learn([FP32, tuned, half, other], FP32, [], ZONE) is None
