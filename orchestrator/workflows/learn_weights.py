"""Weights that learn to be rounded, for a round of ``earshot tune``."""

from importlib.util import find_spec
from pathlib import Path

from orchestrator.make.models.source import ModelSource
from orchestrator.make.train.lessons import LESSONS
from orchestrator.make.train.tuned import keep, with_tuned
from orchestrator.workflows.prepare import Prepared, trained_folder
from orchestrator.workflows.progress import Progress

_PACKAGES = ("torch", "torchao", "executorch", "safetensors")
# Highest learning rate, as of `earshot models train --qat`.
RATE = 1e-4


def why_not_learned(source: ModelSource, steps: int) -> str | None:
    """None: it can be tried."""
    if not steps:
        return "--qat-steps is 0"
    if source.module is None:
        return f"{source.name} is a graph, and only a PyTorch module learns"
    if source.lessons is None and source.name not in LESSONS:
        return f"{source.name} names no function that gives training batches (lessons = in its model.toml)"
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    return f"{', '.join(missing)} missing: pip install 'earshot[export]'" if missing else None


def learn_weights(prepared: Prepared, models_dir: Path, steps: int, seed: int, progress: Progress) -> str:
    """The name by which recipes of ``prepared.source`` call what was learned; it knows of them from then on.

    Raises what ``quantization_aware`` does of a model and its batches.
    """
    from orchestrator.workflows.quantization_aware import Plan, fine_tuned, weights_of

    source = prepared.source
    folder = trained_folder(models_dir, source.name)
    name = keep(weights_of(fine_tuned(source, Plan(steps, RATE, folder, seed), progress)), folder)
    source.tuned.update(with_tuned(source, folder).tuned)
    return name
