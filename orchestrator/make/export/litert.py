"""LiteRT artifacts: the source's .tflite file, or what ai-edge-quantizer makes of it. Needs no torch."""

from collections.abc import Sequence
from pathlib import Path

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import BadModel, ExportFailed
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.litert_types import check_types, kept_types
from orchestrator.make.export.module_graphs import MadeSource
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.tflite import SCHEMA_VERSION, open_interpreter, read_tflite

_SUFFIX = ".tflite"
_SLOW_NOTE = "XNNPACK has no kernels for 16-bit activations: LiteRT runs its own, many times slower"


class LiteRtFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        self._source, self._feeds = source, feeds

    def calibrates(self, recipe: Recipe) -> bool:
        return recipe.precision == "int8-static"

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        path, made_by = self._graph()
        if recipe.precision == "fp32":
            return Made(path.read_bytes(), _SUFFIX, SCHEMA_VERSION, made_by)
        operators = read_tflite(path).operators
        check_types(recipe, operators)
        feeds = self._feeds if self.calibrates(recipe) else None
        content = _quantized(path, recipe, kept_types(recipe, operators), feeds)
        _check_effect(path, content, recipe, scratch)
        notes = (_SLOW_NOTE,) if recipe.get("activation", "s8") == "s16" else ()
        return Made(content, _SUFFIX, SCHEMA_VERSION, (*made_by, *notes))

    def _graph(self) -> tuple[Path, tuple[str, ...]]:
        """The source's own file, or one from its module, and how it was made."""
        source = self._source
        if source.tflite_path is None and source.module is not None and isinstance(source, MadeSource):
            made = source.graphs.tflite()
            return made.path, (made.how,)
        return source.needed_tflite, ()


def _quantized(path: Path, recipe: Recipe, types: Sequence[str], feeds: LazyFeeds | None) -> bytes:
    try:
        from orchestrator.make.export.litert_quantize import quantized
    except ModuleNotFoundError as exc:
        raise ExportFailed(
            f"{recipe} needs ai-edge-quantizer: {exc}", hint="pip install 'earshot[quantize]' (150 MB, without torch)"
        ) from exc
    return quantized(path, recipe, types, feeds)


def _check_effect(source: Path, content: bytes, recipe: Recipe, scratch: Path) -> None:
    """Raises ExportFailed where LiteRT cannot load it, or no tensor has another type than in the source."""
    made = scratch / f"quantized{_SUFFIX}"
    made.write_bytes(content)
    try:
        types = _types(made)
    except BadModel as exc:
        raise ExportFailed(
            f"what ai-edge-quantizer made is no graph that LiteRT runs: {exc.message.partition(': ')[2]}",
            hint="leave the operator that it names out: exclude_types, or only_types with the others",
        ) from exc
    if types <= _types(source):
        raise ExportFailed(
            f"{recipe} changes nothing in this graph",
            hint="it would be the fp32 artifact under another name; leave it out",
        )


def _types(path: Path) -> set[str]:
    return {d["dtype"].__name__ for d in open_interpreter(path).get_tensor_details()}
