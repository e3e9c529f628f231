"""TorchScript artifacts: the PyTorch module traced or scripted, as a file of torch's own or for its lite interpreter.

Made by a process of its own: torch numbers the classes that a process has compiled, and those numbers are in the file.
"""

import json
from pathlib import Path

from agents.strict_json import to_json
from agents.torchscript_file import LITE_SUFFIX
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadRecipe, ExportFailed
from orchestrator.make.export.child import answer_of
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.source import ModelSource

_SUFFIX = ".pt"
# torch.jit's kProducedFileFormatVersion (caffe2/serialize/versions.h); the archive's own member "version" says it too.
FILE_FORMAT = 10
_TIMEOUT_S = 300.0
_MODULE = "orchestrator.make.export.torchscript_child"
_LATE_HINT = "try mode=trace, or fp32"
_HINT = "leave the option out, or write that part of the module differently"


class TorchScriptFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        del feeds
        self._source = source

    def calibrates(self, recipe: Recipe) -> bool:
        return False

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        module = self._source.needed_module()
        suffix = LITE_SUFFIX if recipe.get("container", "pt") == "lite" else _SUFFIX
        path = scratch / f"made{suffix}"
        asked = {
            "target": module.target,
            "args": module.args,
            "contract": to_json(self._source.contract),
            "recipe": str(recipe),
        }
        notes = _asked(asked, path)
        return Made(path.read_bytes(), suffix, FILE_FORMAT, notes)


def _asked(asked: dict[str, object], path: Path) -> tuple[str, ...]:
    """The notes of the process that wrote ``path``."""
    answer = json.loads(
        answer_of([_MODULE, str(path)], asked, _TIMEOUT_S, "torch's exporting process", TORCH_HINT, _LATE_HINT)
    )
    if "bad_recipe" in answer:
        raise BadRecipe(answer["bad_recipe"], hint=answer["hint"])
    if "refused" in answer:
        raise ExportFailed(answer["refused"], hint=answer["hint"] or _HINT)
    return tuple(answer["notes"])
