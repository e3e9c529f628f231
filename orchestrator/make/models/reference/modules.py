"""The PyTorch modules of the reference models, by name. Needs torch and safetensors."""

import importlib
from typing import Any

from orchestrator.make.models.reference import MODULES, STEP_MODULES


def load(name: str) -> Any:
    """The module of the main graph, with its committed weights, in evaluation mode."""
    return _made(MODULES[name])


def load_step(name: str) -> Any:
    """That of a transducer's step graph."""
    return _made(STEP_MODULES[name])


def _made(target: str) -> Any:
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)().eval()
