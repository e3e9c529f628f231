"""The recipes that are tried when nobody names any: `earshot tune` by those formats whose tools are here."""

import importlib.util
from pathlib import Path

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.default_onnx import module_recipes, onnx_recipes
from orchestrator.make.export.formats import FORMATS
from orchestrator.make.models.source import ModelSource

# Of a module, and of those formats whose files are made from the module. Weights alone in int8 save room and no time,
# and 16-bit activations cost time on every CPU: not tried.
_RECIPES = {
    "litert": ("fp32", "fp16", "int8-dynamic", "int8-static", "int8-static(only_types=heavy)"),
    "executorch": ("fp32", "int8-dynamic", "int8-static"),
    "torchscript": ("fp32", "int8-dynamic"),
    "openvino": ("fp32", "int8-static"),
}
# Of those whose artifacts run elsewhere: `earshot models check` tells what becomes of them.
_ELSEWHERE = {
    "coreml": ("fp16", "palettized"),
    "qnn": ("fp16", "int8-static"),
    "tensorrt": ("fp16", "int8-static"),
}
# What must be importable for a format to be worth a try.
_NEEDS = {
    "litert": "litert_torch",
    "onnx": "onnxscript",
    "executorch": "executorch",
    "torchscript": "torch",
    "openvino": "openvino",
}
# Of a model without a metric, by which no recipe is better than another.
_BRIEF = ("fp32", "int8-dynamic")
# Further pairs of a transducer's graphs; by default the step graph is fp32.
_PAIRS = {
    "onnx": ("int8-dynamic(step=int8-joint)", "int8-dynamic(step=int8-dynamic)"),
    "litert": ("int8-dynamic(step=int8-dynamic)",),
    "executorch": ("int8-dynamic(step=int8-dynamic)",),
}


def default_recipes(source: ModelSource) -> tuple[Recipe, ...]:
    """Those of every format that the model has a graph of, or whose tools can make one of its module; fp32 first."""
    formats = [f for f in ("onnx", "litert", *_RECIPES) if f in FORMATS and _is_makeable(source, f)]
    return tuple(recipe for f in dict.fromkeys(formats) for recipe in _of(source, f))


def all_recipes(source: ModelSource) -> tuple[Recipe, ...]:
    """Those of every format there is: what cannot be made says why. Of a model without a metric at most two
    of a format."""
    formats = dict.fromkeys(("onnx", "litert", *_RECIPES, *_ELSEWHERE))
    by_format = (_of(source, f) for f in formats if f in FORMATS)
    return tuple(recipe for known in by_format for recipe in (known if source.metric else _brief(known)))


def _brief(recipes: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    plain = tuple(recipe for recipe in recipes if recipe.precision in _BRIEF and not recipe.options)
    return plain or recipes[:1]


def _is_makeable(source: ModelSource, format_: str) -> bool:
    if {"onnx": source.onnx_path, "litert": source.tflite_path, "executorch": source.pte_path}.get(format_):
        return True
    return source.module is not None and importlib.util.find_spec(_NEEDS[format_]) is not None


def _of(source: ModelSource, format_: str) -> tuple[Recipe, ...]:
    if format_ == "onnx":
        texts = onnx_recipes(source.onnx_path) if source.onnx_path else module_recipes()
    elif format_ == "litert" and source.tflite_path:
        texts = _litert_recipes(source.tflite_path)
    elif format_ == "executorch" and source.pte_path:
        texts = ("fp32",)
    else:
        texts = (*_RECIPES.get(format_, ()), *_ELSEWHERE.get(format_, ()))
    pairs = _PAIRS.get(format_, ()) if source.step_module is not None else ()
    return tuple(Recipe.parse(f"{format_}:{text}") for text in (*texts, *pairs))


def _litert_recipes(path: Path) -> tuple[str, ...]:
    # Both import LiteRT.
    from orchestrator.make.export.litert_types import HEAVY
    from orchestrator.make.models.tflite import read_tflite

    operators = set(read_tflite(path).operators)
    heavy = sorted(operators.intersection(HEAVY))
    texts = _RECIPES["litert"][:-1]
    if heavy and heavy != sorted(operators):
        texts += (f"int8-static(only_types={'+'.join(heavy)})",)
    return texts
