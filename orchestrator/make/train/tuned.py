"""A model with weights that it learned since. Imports torch only to load it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.make.models.module import ModuleRef, imported_function
from orchestrator.make.models.source import ModelSource


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
    return replace(source, onnx_path=None, tflite_path=None, module=module, sha256=module.sha256)
