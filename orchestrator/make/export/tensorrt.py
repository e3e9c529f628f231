"""TensorRT artifacts: what trtexec builds an engine from. An engine fits one GPU and one version of TensorRT, so it is
built where it runs (``earshot devices engine``), or here with build=here where trtexec and a GPU are."""

import json
from pathlib import Path

from agents.engines.build import BuildFailed, build
from agents.engines.kit import COMMAND, ENGINE, GRAPH, RANGES
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.openvino import shapes_of
from orchestrator.make.export.packed import packed
from orchestrator.make.export.precision_static import to_static
from orchestrator.make.export.tensorrt_ranges import calibration_cache
from orchestrator.make.models.graph import opset_of, read_proto
from orchestrator.make.models.source import ModelSource

KIT_SUFFIX, ENGINE_SUFFIX = ".tensorrt.zip", ".engine"
_BUILD_TIMEOUT_S = 540.0
_HINT = "install TensorRT here (NVIDIA's packages bring trtexec), or leave build=here out and build on the device"
_NOT_BUILT = (
    "an engine is built by the GPU that runs it: earshot devices engine NAME --artifact SHA256, or with ONNX Runtime's "
    "TensorRT provider and ep.trt_engine_cache_enable=true"
)
_IMPLICIT = "calibration caches are read up to TensorRT 10; later ones take ranges=qdq, which is in the graph"


class TensorRtFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        self._source, self._feeds = source, feeds

    def calibrates(self, recipe: Recipe) -> bool:
        return recipe.precision == "int8-static"

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        graph = self._graph(recipe, scratch)
        files = {GRAPH: graph, COMMAND: json.dumps({"arguments": arguments(self._source, recipe)}, indent=2).encode()}
        notes: tuple[str, ...] = ()
        if _by_cache(recipe):
            files[RANGES] = calibration_cache(self._source.needed_onnx, self._feeds(), scratch).encode()
            notes = (_IMPLICIT,)
        content = packed(files)
        opset = opset_of(read_proto(self._source.needed_onnx))
        if recipe.get("build", "device") == "here":
            return Made(
                _built(content, scratch), ENGINE_SUFFIX, opset, notes, "Earshot has no backend for bare engines"
            )
        return Made(content, KIT_SUFFIX, opset, notes, _NOT_BUILT)

    def _graph(self, recipe: Recipe, scratch: Path) -> bytes:
        source = self._source.needed_onnx
        if recipe.precision != "int8-static" or _by_cache(recipe):
            return source.read_bytes()
        # Symmetric on both sides, as TensorRT's kernels are.
        form = Recipe.parse("onnx:int8-qdq(activation=s8,granularity=channel)")
        content: bytes = to_static(source, form, scratch, self._feeds()).SerializeToString(deterministic=True)
        return content


def arguments(source: ModelSource, recipe: Recipe) -> list[str]:
    """trtexec's, for the folder that holds the kit's files. All shapes are the stream's: one profile, no batch."""
    shapes = shapes_of(source.contract_of(recipe.format))
    shown = ",".join(f"{name}:{'x'.join(map(str, shape)) or '1'}" for name, shape in shapes.items())
    found = [f"--onnx={GRAPH}", f"--saveEngine={ENGINE}", "--skipInference"]
    found += [f"--{which}Shapes={shown}" for which in ("min", "opt", "max")] if _is_open(source) else []
    if recipe.precision != "fp32":
        found.append("--fp16")
    if recipe.precision == "int8-static":
        found.append("--int8")
        found += [f"--calib={RANGES}"] if _by_cache(recipe) else []
    if recipe.get("level", ""):
        found.append(f"--builderOptimizationLevel={recipe.get('level', '')}")
    return found


def _is_open(source: ModelSource) -> bool:
    graph = read_proto(source.needed_onnx).graph
    return any(d.dim_param or not d.dim_value for i in graph.input for d in i.type.tensor_type.shape.dim)


def _by_cache(recipe: Recipe) -> bool:
    return recipe.precision == "int8-static" and recipe.get("ranges", "cache") == "cache"


def _built(content: bytes, scratch: Path) -> bytes:
    path = scratch / f"kit{KIT_SUFFIX}"
    path.write_bytes(content)
    try:
        engine = build(str(path), str(scratch), _BUILD_TIMEOUT_S)
    except BuildFailed as exc:
        raise ExportFailed(f"no engine was built here: {exc}", hint=_HINT) from exc
    return Path(engine.path).read_bytes()
