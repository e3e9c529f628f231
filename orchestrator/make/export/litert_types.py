"""Which operators of a .tflite file a recipe quantizes."""

import difflib
from collections.abc import Iterable

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe

_HEAVY_NAME = "heavy"
# What holds the weights of a network for speech: the operators that gain from int8 without harm to what lies between.
HEAVY = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "TRANSPOSE_CONV")


def check_types(recipe: Recipe, operators: Iterable[str]) -> None:
    """Raises BadRecipe for a type that the file does not have, and where none would be left."""
    known = set(operators)
    for option in ("only_types", "exclude_types"):
        for name in recipe.names(option):
            if name not in known and (option, name) != ("only_types", _HEAVY_NAME):
                near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4) or sorted(known)[:10]
                raise BadRecipe(f"{option}: the graph has no operator {name}", hint=f"nearest: {', '.join(near)}")
    if not kept_types(recipe, known):
        raise BadRecipe(f"{recipe} leaves no operator to quantize", hint=f"the graph has {', '.join(sorted(known))}")


def kept_types(recipe: Recipe, operators: Iterable[str]) -> tuple[str, ...]:
    """Those of the file that the recipe means: all of them, or the ones that it names (``heavy``: those of HEAVY);
    without those it excludes."""
    named = recipe.names("only_types")
    wanted = {*named, *(HEAVY if _HEAVY_NAME in named else ())}
    return tuple(sorted(t for t in operators if (not named or t in wanted) and t not in recipe.names("exclude_types")))
