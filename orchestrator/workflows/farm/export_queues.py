"""Who may do which export: what a recipe needs beside the core, and what a host has."""

from collections.abc import Mapping
from importlib.util import find_spec

from orchestrator.domain.job import EXPORT_QUEUE
from orchestrator.domain.recipe import Recipe
from orchestrator.make.export.formats import all_tools
from orchestrator.make.models.source import ModelSource

# Of graphs: format -> what makes it; of modules everything needs torch, too.
_TORCH, _QUANTIZER, _OPENVINO, _QNN = "torch", "quantizer", "openvino", "qnn"
_OF_FORMAT = {
    "coreml": _TORCH,
    "executorch": _TORCH,
    "torchscript": _TORCH,
    "openvino": _OPENVINO,
    "qnn": _QNN,
}
# Word -> modules that must be there: those of the extras that bring them (docs/how-to/farm.md).
_MODULES = {
    _TORCH: (
        *("torch", "onnxscript", "safetensors", "executorch", "torchao", "litert_torch"),
        *("coremltools", "ai_edge_quantizer"),
    ),
    _QUANTIZER: ("ai_edge_quantizer",),
    _OPENVINO: ("openvino", "nncf"),
    _QNN: ("onnxruntime_qnn",),
}
_TOGETHER = "-"
# Fine-tuning is torch's.
LEARN_QUEUE = f"{EXPORT_QUEUE}/{_TORCH}"


def export_queue(source: ModelSource, recipe: Recipe, *, learned: bool = False) -> str:
    """``export``: any host; ``export/torch``, ``export/openvino-torch``, ...: one that has these. ``learned``: it is
    made of weights that the module learned since.
    """
    words = {_OF_FORMAT[recipe.format]} if recipe.format in _OF_FORMAT else set()
    if recipe.format == "litert" and recipe.precision != "fp32":
        words.add(_QUANTIZER)
    if learned or _from_module(source, recipe):
        # The same extra brings the quantizer.
        words = (words | {_TORCH}) - {_QUANTIZER}
    return "/".join([EXPORT_QUEUE, _TOGETHER.join(sorted(words))]) if words else EXPORT_QUEUE


def _from_module(source: ModelSource, recipe: Recipe) -> bool:
    if source.module is None:
        return False
    if recipe.get("weights", "") or recipe.get("exporter", "") or recipe.get("opset", ""):
        return True
    graph = source.tflite_path if recipe.format == "litert" else source.onnx_path
    return graph is None


def all_export_queues() -> tuple[str, ...]:
    """Every queue that ``export_queue`` may name."""
    alone = (_OPENVINO, _QNN, _QUANTIZER, _TORCH)
    named = [*alone, *(_TOGETHER.join(sorted((word, _TORCH))) for word in (_OPENVINO, _QNN))]
    return (EXPORT_QUEUE, *(f"{EXPORT_QUEUE}/{name}" for name in sorted(named)))


def served_export_queues() -> tuple[str, ...]:
    """Those that this host can serve: ``missing_for`` is empty."""
    return tuple(queue for queue in all_export_queues() if not missing_for(queue))


def missing_for(queue: str) -> tuple[str, ...]:
    """Modules that a host needs for this queue, and this one lacks."""
    words = queue.removeprefix(EXPORT_QUEUE).removeprefix("/").split(_TOGETHER)
    needed = dict.fromkeys(module for word in words for module in _MODULES.get(word, ()))
    return tuple(module for module in needed if find_spec(module) is None)


def export_record() -> dict[str, object]:
    """What a worker says of itself, for ``same_tools``: goes into its record (``ledger/workers.py``)."""
    return {"export_queues": list(served_export_queues()), "export_tools": all_tools()}


def same_tools(made_with: Mapping[str, str], worker: Mapping[str, object]) -> bool:
    """Whether a worker with this record would make it with the same versions."""
    tools = worker.get("export_tools")
    return isinstance(tools, dict) and all(tools.get(name) == version for name, version in made_with.items())
