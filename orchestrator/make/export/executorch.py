"""ExecuTorch artifacts: the PyTorch module, quantized or not, lowered to one backend. Needs the ``export`` extra."""

from pathlib import Path
from typing import Any

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.step_source import STEP_MODULE
from orchestrator.make.models.module import TORCH_HINT
from orchestrator.make.models.pte import SCHEMA_VERSION
from orchestrator.make.models.source import ModelSource

_SUFFIX = ".pte"
_AS_IT_IS = Recipe("executorch", "fp32")
_RUN_HERE = ("xnnpack", "portable")
_PORTABLE_NOTE = "portable kernels are ExecuTorch's reference: tens of times slower than XNNPACK, to compare with only"


class ExecuTorchFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        self._source, self._feeds = source, feeds

    def calibrates(self, recipe: Recipe) -> bool:
        return recipe.precision == "int8-static"

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        if self._source.pte_path is not None and recipe == _AS_IT_IS:
            return Made(self._source.pte_path.read_bytes(), _SUFFIX, SCHEMA_VERSION)
        reference = self._source.needed_module()
        making = _program()
        contract = self._source.contract
        feeds = [making.in_order(f, contract) for f in self._feeds()] if self.calibrates(recipe) else []
        inputs = making.example_inputs(contract)
        # A search asks for as many hypotheses as it has.
        dynamic = making.all_rows(inputs) if reference.target == STEP_MODULE else ()
        content, notes = making.program_of(reference.load(), inputs, dynamic, recipe, feeds, len(contract.outputs))
        backend = recipe.get("backend", "xnnpack")
        if backend == "portable":
            notes = (*notes, _PORTABLE_NOTE)
        unproven = None if backend in _RUN_HERE else f"nothing on this machine runs a program for {backend}"
        return Made(content, _SUFFIX, SCHEMA_VERSION, notes, unproven)


def _program() -> Any:
    """The part that imports torch and executorch (3 s). Raises ExportFailed where they are missing."""
    try:
        from orchestrator.make.export import executorch_program
    except ModuleNotFoundError as exc:
        raise ExportFailed(f"executorch cannot be imported: no module {exc.name}", hint=TORCH_HINT) from exc
    return executorch_program
