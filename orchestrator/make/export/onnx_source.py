"""Which ONNX graph a recipe starts from: the model's own, one from its module, or its own in another opset."""

from pathlib import Path

import onnx
from onnx import version_converter

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.module_graphs import MadeGraph, MadeSource
from orchestrator.make.models.graph import opset_of, read_proto
from orchestrator.make.models.source import ModelSource


def onnx_source(source: ModelSource, recipe: Recipe, scratch: Path) -> tuple[Path, tuple[str, ...]]:
    """The graph's file, and what its user must know. Raises ExportFailed."""
    exporter, opset = recipe.get("exporter", "") or None, int(recipe.get("opset", "0")) or None
    if source.module is None and opset and not exporter:
        return _converted(source.needed_onnx, opset, scratch), (f"converted to opset {opset} by onnx",)
    if not (exporter or opset) and (source.onnx_path is not None or source.module is None):
        return source.needed_onnx, ()
    made = _made(source, exporter, opset)
    return made.path, (made.how,)


def _made(source: ModelSource, exporter: str | None, opset: int | None) -> MadeGraph:
    source.needed_module()
    if not isinstance(source, MadeSource):
        raise ValueError(f"nothing says where graphs of the module of {source.name} are kept")
    return source.graphs.onnx(exporter, opset)


def _converted(path: Path, opset: int, scratch: Path) -> Path:
    model = read_proto(path)
    if opset_of(model) == opset:
        return path
    try:
        changed = version_converter.convert_version(model, opset)
    except Exception as exc:  # the converter's errors share no base class of their own
        fault = str(exc).strip().splitlines()[0][:200] if str(exc).strip() else type(exc).__name__
        raise ExportFailed(
            f"onnx cannot convert {path.name} from opset {opset_of(model)} to {opset}: {fault}",
            hint="leave opset out, or export the model again with that opset",
        ) from exc
    target = scratch / f"opset{opset}.onnx"
    onnx.save(changed, target)
    return target
