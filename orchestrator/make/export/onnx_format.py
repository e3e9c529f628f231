"""ONNX artifacts: by onnxruntime's quantizers and optimizer, from the source's ONNX graph."""

from pathlib import Path

import onnx

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export import containers
from orchestrator.make.export.effect import check_effect
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.precision_dynamic import to_dynamic
from orchestrator.make.export.precision_fp16 import to_fp16
from orchestrator.make.export.precision_static import to_static
from orchestrator.make.export.precision_weight import to_weight_only
from orchestrator.make.models.graph import external_files, opset_of, read_proto
from orchestrator.make.models.source import ModelSource

_STATIC = ("int8-qdq", "int8-qoperator")


class OnnxFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        self._source, self._feeds = source, feeds

    def calibrates(self, recipe: Recipe) -> bool:
        return recipe.precision in _STATIC

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        finished = self._finished(recipe, scratch)
        return Made(finished.content, containers.suffix(recipe), opset_of(finished.model), finished.notes)

    def _finished(self, recipe: Recipe, scratch: Path) -> containers.Finished:
        if recipe.precision == "fp32" and containers.is_plain(recipe):
            model = read_proto(self._source.needed_onnx)
            return containers.Finished(self._source_bytes(model), model, ())
        made = containers.finished(self._converted(recipe, scratch), recipe, scratch)
        check_effect(read_proto(self._source.needed_onnx), made.model, recipe)
        return made

    def _converted(self, recipe: Recipe, scratch: Path) -> onnx.ModelProto:
        path = self._source.needed_onnx
        if recipe.precision == "fp32":
            return read_proto(path)
        if recipe.precision == "fp16":
            return to_fp16(path, recipe, scratch)
        if recipe.precision == "int8-dynamic":
            return to_dynamic(path, recipe, scratch)
        if recipe.precision in _STATIC:
            return to_static(path, recipe, scratch, self._feeds())
        return to_weight_only(path, recipe, scratch)

    def _source_bytes(self, model: onnx.ModelProto) -> bytes:
        """The source's own bytes, so that fp32 is the source; as one file where its weights lie beside it."""
        path = self._source.needed_onnx
        if not external_files(onnx.load(path, load_external_data=False)):
            return path.read_bytes()
        content: bytes = model.SerializeToString(deterministic=True)
        return content
