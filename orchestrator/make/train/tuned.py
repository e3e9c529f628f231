"""A model with weights that it learned since. Imports torch only to load it."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.durable import write_file
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadModel, BadRecipe
from orchestrator.make.models.module import ModuleRef, imported_function
from orchestrator.make.models.source import ModelSource

# Option of a recipe: with which weights, by the beginning of their hash; absent: the model's own.
WEIGHTS = "weights"
_PREFIX, _SUFFIX = "qat-", ".safetensors"
_DIGITS = 12


def load(target: str, weights: str, *arguments: str) -> Any:
    """The module of ``target``, called with ``arguments``, and its state from the safetensors file ``weights``."""
    from safetensors.torch import load_file

    module = imported_function(target)(*arguments)
    module.load_state_dict(load_file(weights))
    return module


def tuned_source(source: ModelSource, weights: Path) -> ModelSource:
    """``source`` with other weights: its module only, from which every graph is made anew.

    Raises ExportFailed for a model without a module.
    """
    own = source.needed_module()
    module = ModuleRef(f"{__name__}:load", (own.target, str(weights.resolve()), *own.args), (weights, *own.files))
    return replace(source, onnx_path=None, tflite_path=None, module=module, sha256=module.sha256, tuned={})


def keep(weights: bytes, folder: Path) -> str:
    """Under the name that a recipe calls them by, which is returned."""
    name = _PREFIX + hashlib.sha256(weights).hexdigest()[:_DIGITS]
    folder.mkdir(parents=True, exist_ok=True)
    write_file(str(folder / (name + _SUFFIX)), weights)
    return name


def with_tuned(source: ModelSource, folder: Path) -> ModelSource:
    """``source`` that knows of the weights that were kept in ``folder``."""
    found = {path.name.removesuffix(_SUFFIX): path for path in sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))}
    return replace(source, tuned=found) if found else source


def source_of(source: ModelSource, recipe: Recipe) -> ModelSource:
    """What ``recipe`` is made of: ``source``, or it with the weights that the recipe names.

    Raises BadRecipe where nobody kept those, BadModel where their file is no longer what its name says.
    """
    name = recipe.get(WEIGHTS, "")
    if not name:
        return source
    path = source.tuned.get(name)
    if path is None:
        known = ", ".join(source.tuned) or "none"
        raise BadRecipe(
            f"there are no weights {name} of {source.name}; those that were learned here are: {known}",
            hint=f"earshot models train {source.name} --qat makes some; it tells their name",
        )
    if hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS] != name.removeprefix(_PREFIX):
        raise BadModel(f"{path} is not what was learned: its hash is another", hint="delete it, and train again")
    return tuned_source(source, path)
