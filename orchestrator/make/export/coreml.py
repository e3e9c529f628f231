"""Core ML artifacts: the PyTorch module as an ML Program. Only macOS predicts with one, so elsewhere nothing is proven:
the file is read back and held against the contract and the recipe, and says so."""

import platform
from pathlib import Path
from typing import Any

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.packed import packed
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.source import ModelSource

_SUFFIX = ".mlpackage.zip"


class CoreMlFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        del feeds
        self._source = source

    def calibrates(self, recipe: Recipe) -> bool:
        return False

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        module = self._source.needed_module()
        program, structure = _tools()
        made = program.program_of(module.load(), self._source.contract, recipe)
        files = structure.files_of(made, scratch / "model.mlpackage")
        found = structure.structure_of(files)
        structure.check(found, self._source.contract, recipe)
        return Made(packed(files), _SUFFIX, found.version, (found.summary,), _unproven(found.summary))


def _unproven(summary: str) -> str:
    return f"Core ML predicts on macOS only, and this is {platform.system()}; its structure was checked: {summary}"


def _tools() -> tuple[Any, Any]:
    """The parts that import torch and coremltools (5 s). Raises ExportFailed where they are missing."""
    try:
        from orchestrator.make.export import coreml_program, coreml_structure
    except ModuleNotFoundError as exc:
        raise ExportFailed(f"Core ML needs coremltools and torch: no module {exc.name}", hint=TORCH_HINT) from exc
    return coreml_program, coreml_structure
