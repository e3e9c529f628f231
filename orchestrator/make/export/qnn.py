"""QNN context artifacts: a graph that Qualcomm's compiler has finished for a Hexagon processor, inside an ONNX file.

By ONNX Runtime's plug-in provider (onnxruntime-qnn), whose wheel for x86 brings the compiler and a simulator of the
processor; in a process of its own, because the plug-in stays loaded and takes a second for each chunk.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import onnx

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.child import answer_of
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.openvino import shapes_of
from orchestrator.make.export.precision_fp16 import to_fp16
from orchestrator.make.export.precision_static import to_static
from orchestrator.make.models.graph import opset_of
from orchestrator.make.models.source import ModelSource

SUFFIX = ".qnn.onnx"
_MODULE = "orchestrator.make.export.qnn_child"
_PACKAGE = "onnxruntime_qnn"
_TIMEOUT_S = 500.0
_HINT = "pip install onnxruntime-qnn==2.7.0 beside onnxruntime (120 MB; wheels for x86_64 and aarch64)"
_PROCESSOR = ("soc_model", "htp_arch")


class QnnFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        self._source, self._feeds = source, feeds

    def calibrates(self, recipe: Recipe) -> bool:
        return recipe.precision == "int8-static"

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        if find_spec(_PACKAGE) is None:
            raise ExportFailed(f"a QNN context needs Qualcomm's compiler: no module {_PACKAGE}", hint=_HINT)
        model = _fixed(self._converted(recipe, scratch), self._source, recipe)
        graph, made = scratch / "to-compile.onnx", scratch / f"made{SUFFIX}"
        onnx.save(model, graph)
        options = {name: recipe.get(name, "") for name in _PROCESSOR if recipe.get(name, "")}
        answer = _compiled({"graph": str(graph), "made": str(made), "options": options})
        note = (
            f"compiled by QNN {answer['sdk']} into {answer['contexts']} context and {answer['others']} other nodes; in "
            f"its simulator {answer['chunks']} chunks are {answer['snr_db']:.1f} dB from the same graph on the CPU"
        )
        reason = f"a Hexagon processor runs it, which is simulated here at {answer['chunk_s']:.1f} s a chunk: {note}"
        return Made(made.read_bytes(), SUFFIX, opset_of(model), (note,), reason)

    def _converted(self, recipe: Recipe, scratch: Path) -> onnx.ModelProto:
        source = self._source.needed_onnx
        if recipe.precision == "fp16":
            return to_fp16(source, Recipe("onnx", "fp16"), scratch)
        # A neural processor takes a graph whole or not at all: no operator may be left in float.
        return to_static(source, Recipe.parse("onnx:int8-qdq(operators=all)"), scratch, self._feeds())


def _fixed(model: onnx.ModelProto, source: ModelSource, recipe: Recipe) -> onnx.ModelProto:
    """``model`` with the shapes of one chunk: the compiler takes no open dimensions."""
    shapes = shapes_of(source.contract_of(recipe.format))
    for port in model.graph.input:
        for dim, size in zip(port.type.tensor_type.shape.dim, shapes[port.name], strict=True):
            dim.dim_value = size
    for port in model.graph.output:
        port.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(model)


def _compiled(asked: dict[str, object]) -> dict[str, float]:
    hint = "it takes graphs without floats of 32 bits only: int8-static or fp16; docs/how-to/platform-formats.md"
    said = answer_of([_MODULE], asked, _TIMEOUT_S, "QNN's compiler", hint)
    answer: dict[str, float] = json.loads(said.splitlines()[-1])
    return answer
