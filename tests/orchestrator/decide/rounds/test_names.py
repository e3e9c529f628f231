"""Layers in a recipe's text: whatever it is shortened to means the same layers, and no others."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.rounds.names import is_nameable, joined
from orchestrator.domain.recipe import Recipe, matches

BLOCKS = [f"/encoder/layers.{i}/{part}" for i in range(12) for part in ("attention/MatMul", "feed/MatMul", "norm/Mul")]


def meant(text: str, names: list[str]) -> set[str]:
    return {name for name in names if any(matches(pattern, name) for pattern in text.split("+"))}


def test_a_short_list_is_written_out() -> None:
    assert joined(["head", "/encoder/first/Conv"], [*BLOCKS, "head"]) == "/encoder/first/Conv+head"


def test_a_long_list_names_whole_blocks() -> None:
    first = [name for name in BLOCKS if name.startswith(("/encoder/layers.0/", "/encoder/layers.1/"))]
    assert joined(first, BLOCKS) == "/encoder/layers.0/*+/encoder/layers.1/*"
    assert meant(joined(first, BLOCKS), BLOCKS) == set(first)


@given(st.sets(st.sampled_from(BLOCKS), min_size=1), st.sets(st.sampled_from(BLOCKS)))
def test_any_list_means_itself_and_is_a_recipe(chosen: set[str], quantized: set[str]) -> None:
    """Also where some of it is not quantized, such as what only passes values on."""
    text = joined(sorted(chosen), sorted(quantized))
    assert meant(text, sorted(quantized | chosen)) == chosen
    assert len(text.split("+")) == len(set(text.split("+")))
    recipe = Recipe.parse(f"onnx:int8-qdq(exclude_nodes={text})")
    assert Recipe.parse(str(recipe)) == recipe


def test_what_a_recipe_cannot_hold_is_not_named() -> None:
    assert is_nameable("/encoder/layers.0/attention/MatMul_1")
    assert not any(map(is_nameable, ("", "a b", "a,b", "f(x)", "a=b", "a+b", "a*")))
