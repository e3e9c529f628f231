"""The formats that artifacts come in: each is a class, imported when the first recipe wants it."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from orchestrator.domain.recipe import Recipe
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import Feeds

# Format -> "module:class".
FORMATS = {
    "executorch": "orchestrator.make.export.executorch:ExecuTorchFormat",
    "litert": "orchestrator.make.export.litert:LiteRtFormat",
    "onnx": "orchestrator.make.export.onnx_format:OnnxFormat",
    "coreml": "orchestrator.make.export.coreml:CoreMlFormat",
    "openvino": "orchestrator.make.export.openvino:OpenVinoFormat",
    "qnn": "orchestrator.make.export.qnn:QnnFormat",
    "tensorrt": "orchestrator.make.export.tensorrt:TensorRtFormat",
    "torchscript": "orchestrator.make.export.torchscript:TorchScriptFormat",
}
# Format -> packages whose version changes what is made.
_TOOLS = {
    "executorch": ("executorch", "torch", "torchao"),
    "litert": ("ai-edge-litert", "ai-edge-quantizer", "numpy"),
    "onnx": ("onnx", "onnxruntime", "numpy"),
    "coreml": ("coremltools", "torch"),
    "openvino": ("openvino", "nncf"),
    "qnn": ("onnx", "onnxruntime", "onnxruntime-qnn", "numpy"),
    "tensorrt": ("onnx", "onnxruntime", "numpy"),
    "torchscript": ("torch",),
}

# What turns a PyTorch module into a graph.
_MODULE_TOOLS = ("litert-torch", "onnxscript", "torch")


@dataclass(frozen=True)
class Made:
    """The bytes of an artifact before its proof. ``opset``: the version of the format; ``notes``: what its user must
    know; ``unproven``: why nothing on this machine can run it, so that there will be no proof."""

    content: bytes
    suffix: str
    opset: int
    notes: tuple[str, ...] = ()
    unproven: str | None = None


class LazyFeeds(Protocol):
    """Feeds for calibration, computed when first asked for. Raises ExportFailed where the model has no audio."""

    def __call__(self) -> Sequence[Feeds]: ...


class Format(Protocol):
    """Made by ``Format(source, feeds)``. ``make`` and ``calibrates`` are all that the exporter asks of it."""

    def calibrates(self, recipe: Recipe) -> bool: ...

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        """Raises BadRecipe for an operator or node that the graph does not have, ExportFailed, or the tool's own
        errors."""
        ...


def open_format(name: str, source: ModelSource, feeds: LazyFeeds) -> Format:
    module, _, attribute = FORMATS[name].partition(":")
    made: Format = getattr(importlib.import_module(module), attribute)(source, feeds)
    return made


def tools(name: str) -> dict[str, str]:
    """Versions of the packages that make artifacts of this format; without those that are not installed."""
    return versions(_TOOLS[name])


def all_tools() -> dict[str, str]:
    """Versions of all packages that have a hand in any format."""
    return versions(sorted({package for packages in _TOOLS.values() for package in packages} | {*_MODULE_TOOLS}))


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
