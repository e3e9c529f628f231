"""ONNX artifacts: by onnxruntime's quantizers and optimizer, from the source's ONNX graph."""

from pathlib import Path

import onnx

from orchestrator.domain.recipe import Recipe
from orchestrator.make.export import containers
from orchestrator.make.export.effect import check_effect
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.graph_edit import named_nodes, recurrent_nodes
from orchestrator.make.export.onnx_source import onnx_source
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
        graph, notes = onnx_source(self._source, recipe, scratch)
        finished = self._finished(self._with_nodes(recipe, graph), graph, scratch)
        return Made(finished.content, containers.suffix(recipe), opset_of(finished.model), (*notes, *finished.notes))

    def _finished(self, recipe: Recipe, graph: Path, scratch: Path) -> containers.Finished:
        if recipe.precision == "fp32" and containers.is_plain(recipe):
            model = read_proto(graph)
            return containers.Finished(_source_bytes(graph, model), model, ())
        made = containers.finished(
            self._converted(recipe, graph, scratch), recipe, self._source.contract.states, scratch
        )
        check_effect(read_proto(graph), made.model, recipe)
        return made

    def _with_nodes(self, recipe: Recipe, graph: Path) -> Recipe:
        """``exclude=recurrent`` as the names of those nodes."""
        if recipe.get("exclude", "") != "recurrent":
            return recipe
        model = named_nodes(read_proto(graph))
        states = [s.output for s in self._source.contract.states]
        nodes = {*recipe.names("exclude_nodes"), *recurrent_nodes(model, states)}
        return recipe.without("exclude").with_options(exclude_nodes="+".join(sorted(nodes)))

    def rounded(self, recipe: Recipe, scratch: Path) -> tuple[Path, Recipe, onnx.ModelProto]:
        """The graph that an int8 recipe starts from, the recipe with all that it excludes by name, and its graph as
        QDQ or dynamic int8 before anything is optimized: what rounding does can be read there. Raises as ``make``."""
        graph, _ = onnx_source(self._source, recipe, scratch)
        plain = self._with_nodes(recipe, graph)
        if plain.precision == "int8-qoperator":
            plain = Recipe(plain.format, "int8-qdq", plain.options)
        return graph, plain, self._converted(plain, graph, scratch)

    def _converted(self, recipe: Recipe, path: Path, scratch: Path) -> onnx.ModelProto:
        if recipe.precision == "fp32":
            return read_proto(path)
        if recipe.precision == "fp16":
            return to_fp16(path, recipe, scratch)
        if recipe.precision == "int8-dynamic":
            return to_dynamic(path, recipe, scratch)
        if recipe.precision in _STATIC:
            return to_static(path, recipe, scratch, self._feeds())
        return to_weight_only(path, recipe, scratch)


def _source_bytes(path: Path, model: onnx.ModelProto) -> bytes:
    """The source's own bytes, so that fp32 is the source; as one file where its weights lie beside it."""
    if not external_files(onnx.load(path, load_external_data=False)):
        return path.read_bytes()
    content: bytes = model.SerializeToString(deterministic=True)
    return content
