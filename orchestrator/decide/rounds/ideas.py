"""What can be tried in place of a recipe. Each idea is a family of variants; the controller hears them all first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.decide.rounds.names import is_nameable, joined
from orchestrator.decide.rounds.seed import MEND, Seed
from orchestrator.domain.recipe import OPTIONS, Recipe
from orchestrator.domain.rounds import Sensitivity, Suspect
from orchestrator.errors import BadRecipe

# The ideas, in the words of a hypothesis.
LAYERS = "the layers that rounding harms most stay in float"
ENDS = "the first and the last layers stay in float"
CALIBRATION = "another way to find the ranges of activations"
GRANULARITY = "weights with a scale for each channel"
TYPES = "other integer types"
DYNAMIC = "ranges of activations anew for each chunk"
RECURRENT = "what leads to a state stays in float"
OPERATORS = "operators of one kind stay in float"
STEP = "int8 for the encoder alone, a step graph in fp32"
MORE_LAYERS = "fewer layers in float"
SMALLER = "a precision that computes or stores less"
LEARNED = "weights learned with int8's rounding in the graph"

# Of each option its values in the order in which they are tried, by idea; a format's own values decide which apply.
_VALUES = {
    CALIBRATION: ("calibration", ("percentile", "entropy", "minmax")),
    GRANULARITY: ("granularity", ("channel", "tensor")),
    RECURRENT: ("exclude", ("recurrent",)),
}
_TYPE_VALUES = (("activation", ("s8", "mixed", "performance")), ("weight", ("u8",)))
# What an absent option means, by format, else in all of them.
_DEFAULTS = {
    ("onnx", "granularity"): "tensor",
    ("onnx", "activation"): "u8",
    ("litert", "activation"): "s8",
    ("openvino", "activation"): "mixed",
    ("onnx", "weight"): "s8",
}
_DEFAULT = {"calibration": "minmax", "granularity": "channel"}
# Operator kinds as each format calls those that are often harmed.
_KINDS = {
    "executorch": ("add", "mul", "cat", "conv"),
    "litert": ("ADD", "MUL", "CONCATENATION", "LOGISTIC", "TANH"),
    "openvino": ("Add", "Multiply", "Concat"),
}
# Precision -> those that compute or store less.
_NEXT = {
    "fp32": ("int8-dynamic", "int8-qdq", "int8-static", "fp16"),
    "fp16": ("int8-dynamic", "int8-qdq", "int8-static"),
    "int8-dynamic": ("int8-qdq", "int8-static"),
    "int8-weight": ("int4-weight", "int8-dynamic"),
}
_STATIC_TO_DYNAMIC = ("int8-qdq", "int8-qoperator", "int8-static")
_WEIGHT_OPTIONS = ("weight", "granularity", "reduce_range", "exclude_nodes", "exclude_types", "exclude", "backend")


@dataclass(frozen=True)
class Idea:
    """``float_share``: of all multiplications, those that stay in float beyond the seed's; None: not known."""

    words: str
    recipe: Recipe
    float_share: float | None = None


def ideas_for(seed: Seed, sensitivity: Sensitivity, known: Iterable[str]) -> tuple[Idea, ...]:
    """Every variant of the seed that is not ``known`` already (texts of recipes), each once."""
    made = (
        (*_layers(seed.recipe, sensitivity), *_ends(seed.recipe, sensitivity), *_options(seed.recipe))
        if seed.aim == MEND
        else (*_more_layers(seed.recipe, sensitivity), *_smaller(seed.recipe))
    )
    seen = {*known, str(seed.recipe)}
    found = []
    for idea in made:
        if str(idea.recipe) not in seen:
            seen.add(str(idea.recipe))
            found.append(idea)
    return tuple(found)


def learned_ideas(seed: Seed, weights: str) -> tuple[Idea, ...]:
    """The seed with these weights, and as they learned to be rounded: weights by channel, activations symmetric."""
    plain = seed.recipe.with_options(weights=weights)
    found = [plain]
    for option, value in (("granularity", "channel"), ("activation", "s8")):
        found += _changed(found[-1], option, (value,))
    return tuple(Idea(LEARNED, recipe, 0.0) for recipe in found)


def _layers(recipe: Recipe, sensitivity: Sensitivity) -> list[Idea]:
    """Each suspect alone, and the worst ones together: one, two, three of them and so on."""
    usable = [s for s in sensitivity.suspects if all(map(is_nameable, s.nodes))]
    sets = [(suspect,) for suspect in usable] + [tuple(usable[:count]) for count in range(2, len(usable) + 1)]
    return [_without(recipe, _nodes(chosen), sensitivity, LAYERS) for chosen in sets]


def _ends(recipe: Recipe, sensitivity: Sensitivity) -> list[Idea]:
    """By the layers that multiply, in the graph's order."""
    heavy = [layer.node for layer in sensitivity.layers if layer.work_share > 0 and is_nameable(layer.node)]
    if len(heavy) < 3:
        return []
    sets = ({heavy[0]}, {heavy[-1]}, {heavy[0], heavy[-1]})
    return [_without(recipe, nodes, sensitivity, ENDS) for nodes in sets]


def _nodes(suspects: Sequence[Suspect]) -> set[str]:
    return {node for suspect in suspects for node in suspect.nodes}


def _without(recipe: Recipe, nodes: set[str], sensitivity: Sensitivity, words: str) -> Idea:
    names = sorted({*recipe.names("exclude_nodes"), *nodes})
    text = joined(names, [layer.node for layer in sensitivity.layers])
    share = sum(layer.work_share for layer in sensitivity.layers if layer.node in nodes)
    return Idea(words, recipe.with_options(exclude_nodes=text), share)


def _options(recipe: Recipe) -> list[Idea]:
    """One option at a time, as far as the format has it."""
    found = []
    for words, (option, values) in _VALUES.items():
        share = None if words == RECURRENT else 0.0
        found += [Idea(words, changed, share) for changed in _changed(recipe, option, values)]
    for option, values in _TYPE_VALUES:
        found += [Idea(TYPES, changed, 0.0) for changed in _changed(recipe, option, values)]
    for kind in _KINDS.get(recipe.format, ()):
        found += [Idea(OPERATORS, changed) for changed in _changed(recipe, "exclude_types", (kind,))]
    if recipe.precision in _STATIC_TO_DYNAMIC:
        found += [Idea(DYNAMIC, changed) for changed in _as(recipe, ("int8-dynamic",))]
    if recipe.get("step", "fp32") != "fp32":
        found.append(Idea(STEP, recipe.without("step")))
    return found


def _changed(recipe: Recipe, option: str, values: Sequence[str]) -> list[Recipe]:
    allowed = OPTIONS[recipe.format][recipe.precision].get(option, ())
    own = recipe.get(option, _DEFAULTS.get((recipe.format, option), _DEFAULT.get(option, "")))
    fitting = [v for v in values if v != own and (allowed is None or v in allowed)]
    return [changed for v in fitting if _makes_sense(changed := recipe.with_options(**{option: v}))]


def _makes_sense(recipe: Recipe) -> bool:
    """onnxruntime has no kernel for s8 activations with u8 weights."""
    return not (recipe.get("activation", "") == "s8" and recipe.get("weight", "") == "u8")


def _more_layers(recipe: Recipe, sensitivity: Sensitivity) -> list[Idea]:
    """Without one of the names that are left out; a share below zero: that much less is in float."""
    names = recipe.names("exclude_nodes")
    total = sum(layer.work_share for layer in sensitivity.layers)
    found = []
    for name in names:
        kept = [n for n in names if n != name]
        changed = recipe.with_options(exclude_nodes="+".join(kept)) if kept else recipe.without("exclude_nodes")
        found.append(Idea(MORE_LAYERS, changed, -max(0.0, 1.0 - total) / len(names)))
    return found


def _smaller(recipe: Recipe) -> list[Idea]:
    return [Idea(SMALLER, changed) for changed in _as(recipe, _NEXT.get(recipe.precision, ()))]


def _as(recipe: Recipe, precisions: Sequence[str]) -> list[Recipe]:
    """The recipe in other precisions of its format, with those of its options that they have too."""
    found = []
    for precision in precisions:
        known = OPTIONS[recipe.format].get(precision)
        if known is not None:
            kept = tuple((name, value) for name, value in recipe.options if name in known and name in _WEIGHT_OPTIONS)
            try:
                found.append(Recipe(recipe.format, precision, kept))
            except BadRecipe:
                found.append(Recipe(recipe.format, precision))
    return found
