"""What is tried in place of a recipe: each idea is a recipe of its format, none is known already, none comes twice."""

import pytest

from orchestrator.decide.rounds.ideas import (
    DYNAMIC,
    ENDS,
    GRANULARITY,
    LAYERS,
    MORE_LAYERS,
    SMALLER,
    STEP,
    ideas_for,
    learned_ideas,
)
from orchestrator.decide.rounds.seed import BOLDER
from orchestrator.domain.recipe import OPTIONS, Recipe
from orchestrator.domain.rounds import Sensitivity, Suspect
from tests.orchestrator.decide.rounds.situations import LAYERS as SIX
from tests.orchestrator.decide.rounds.situations import NOISY, RUINED, SENSITIVITY, seed

NONE = Sensitivity("onnx:int8-qdq", reason="not told apart")


def texts(words: str, *, of: Recipe | str = "onnx:int8-qdq", found: Sensitivity = SENSITIVITY) -> list[str]:
    return [str(i.recipe) for i in ideas_for(seed(str(of)), found, ()) if i.words == words]


def test_suspects_stay_in_float_alone_and_together() -> None:
    assert texts(LAYERS) == [
        "onnx:int8-qdq(exclude_nodes=layer_1+layer_2)",
        "onnx:int8-qdq(exclude_nodes=layer_5)",
        "onnx:int8-qdq(exclude_nodes=layer_1+layer_2+layer_5)",
    ]
    shares = [i.float_share for i in ideas_for(seed(), SENSITIVITY, ()) if i.words == LAYERS]
    assert shares == pytest.approx([2 / 6, 1 / 6, 3 / 6])
    # The last layer alone is a suspect already.
    assert texts(ENDS) == ["onnx:int8-qdq(exclude_nodes=layer_0)", "onnx:int8-qdq(exclude_nodes=layer_0+layer_5)"]


def test_what_is_left_out_already_stays_left_out() -> None:
    found = texts(LAYERS, of="onnx:int8-qdq(exclude_nodes=front,granularity=channel)")
    assert found[0] == "onnx:int8-qdq(exclude_nodes=front+layer_1+layer_2,granularity=channel)"


def test_layers_that_no_text_can_hold_are_no_idea() -> None:
    strange = Sensitivity("onnx:int8-qdq", 24, SIX, (Suspect(("a layer",), "its weights", 1.0), NOISY))
    assert texts(LAYERS, found=strange) == ["onnx:int8-qdq(exclude_nodes=layer_5)"]


def test_options_change_one_at_a_time_as_far_as_a_format_has_them() -> None:
    assert texts(GRANULARITY) == ["onnx:int8-qdq(granularity=channel)"]
    assert texts(GRANULARITY, of="litert:int8-static", found=NONE) == ["litert:int8-static(granularity=tensor)"]
    assert texts(DYNAMIC, of="onnx:int8-qdq(activation=s8,granularity=channel)") == [
        "onnx:int8-dynamic(granularity=channel)"
    ]
    assert texts(STEP, of="onnx:int8-dynamic(step=int8-dynamic)", found=NONE) == ["onnx:int8-dynamic"]
    pairs = [i.recipe for i in ideas_for(seed("onnx:int8-qdq(activation=s8)"), NONE, ())]
    assert not any(r.get("activation", "") == "s8" and r.get("weight", "") == "u8" for r in pairs)


def test_nothing_known_and_nothing_twice() -> None:
    known = {"onnx:int8-qdq(granularity=channel)", "onnx:int8-dynamic"}
    found = [str(i.recipe) for i in ideas_for(seed(), SENSITIVITY, known)]
    assert len(found) == len(set(found))
    assert known.isdisjoint(found)
    assert "onnx:int8-qdq" not in found


def test_bolder_is_one_layer_less_in_float_or_a_smaller_precision() -> None:
    mixed = Sensitivity("onnx:int8-qdq", 24, tuple(e for e in SIX if e.node not in RUINED.nodes), (NOISY,))
    bold = ideas_for(seed("onnx:int8-qdq(exclude_nodes=layer_1+layer_2)", BOLDER), mixed, ())
    assert [(i.words, str(i.recipe)) for i in bold] == [
        (MORE_LAYERS, "onnx:int8-qdq(exclude_nodes=layer_2)"),
        (MORE_LAYERS, "onnx:int8-qdq(exclude_nodes=layer_1)"),
    ]
    assert [i.float_share for i in bold] == pytest.approx([-1 / 6, -1 / 6])
    smaller = [str(i.recipe) for i in ideas_for(seed("onnx:int8-dynamic(weight=u8)", BOLDER), NONE, ())]
    assert smaller == ["onnx:int8-qdq(weight=u8)"]


@pytest.mark.parametrize("aim", ["mend", BOLDER])
@pytest.mark.parametrize("text", [f"{f}:{p}" for f, precisions in OPTIONS.items() for p in precisions])
def test_every_recipe_has_ideas_that_are_recipes(text: str, aim: str) -> None:
    for idea in ideas_for(seed(text, aim), NONE, ()):
        assert Recipe.parse(str(idea.recipe)) == idea.recipe
        assert idea.recipe.format == text.split(":")[0]
        assert idea.words != SMALLER or aim == BOLDER


def test_learned_weights_are_tried_with_the_seed_and_as_they_were_learned() -> None:
    found = learned_ideas(seed("onnx:int8-qdq"), "qat-0123456789ab")
    assert [str(idea.recipe) for idea in found] == [
        "onnx:int8-qdq(weights=qat-0123456789ab)",
        "onnx:int8-qdq(granularity=channel,weights=qat-0123456789ab)",
        "onnx:int8-qdq(activation=s8,granularity=channel,weights=qat-0123456789ab)",
    ]
    (only,) = learned_ideas(seed("litert:int8-static"), "qat-0123456789ab")
    assert str(only.recipe) == "litert:int8-static(weights=qat-0123456789ab)"
