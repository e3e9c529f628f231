"""OpenVINO artifacts: the ONNX graph as its intermediate representation, model.xml and model.bin in one archive."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.contract import StreamContract
from agents.openvino_file import XML
from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import LazyFeeds, Made
from orchestrator.make.export.packed import packed
from orchestrator.make.models.source import ModelSource

_SUFFIX = ".openvino.zip"
# Version of the intermediate representation, which its file says.
IR_VERSION = 11
_HINT = "pip install 'earshot[openvino]' (OpenVINO and NNCF, 200 MB without torch)"
_BF16_NOTE = (
    "OpenVINO computes in bfloat16 by itself where the CPU has it: Earshot tells it f32 (INFERENCE_PRECISION_HINT)"
)


class OpenVinoFormat:
    """See ``formats.Format``."""

    def __init__(self, source: ModelSource, feeds: LazyFeeds) -> None:
        self._source, self._feeds = source, feeds

    def calibrates(self, recipe: Recipe) -> bool:
        return recipe.precision == "int8-static"

    def make(self, recipe: Recipe, scratch: Path) -> Made:
        openvino = _package()
        model = openvino.convert_model(str(self._source.needed_onnx))
        model.reshape(shapes_of(self._source.contract_of(recipe.format)))
        _rename(model)
        model = _PRECISIONS[recipe.precision](model, recipe, self._feeds)
        _rename(model)
        path = scratch / XML
        openvino.save_model(model, str(path), compress_to_fp16=recipe.precision == "fp16")
        files = {file.name: file.read_bytes() for file in (path, path.with_suffix(".bin"))}
        return Made(packed(files), _SUFFIX, IR_VERSION, (_BF16_NOTE,))


def _rename(model: Any) -> None:
    """OpenVINO names nodes of its own by a count over the whole process: by their places, the same recipe gives the
    same bytes."""
    for place, node in enumerate(model.get_ordered_ops()):
        kind = node.get_type_name()
        # A constant that was folded is named after what it was folded of.
        made = r"[A-Z]\w*" if kind == "Constant" else kind
        if re.fullmatch(rf"{made}_\d+", node.get_friendly_name()):
            node.set_friendly_name(f"{kind}.{place}")


def shapes_of(contract: StreamContract) -> dict[str, tuple[int, ...]]:
    """Every input's shape for one chunk."""
    shapes = {contract.input.name: contract.input.shape}
    shapes |= {s.input: s.shape for s in contract.states}
    return shapes | {c.name: c.shape for c in contract.constants}


def _package() -> Any:
    try:
        import openvino
    except ModuleNotFoundError as exc:
        raise ExportFailed(f"OpenVINO IR needs the package openvino: {exc}", hint=_HINT) from exc
    return openvino


def _plain(model: Any, recipe: Recipe, feeds: LazyFeeds) -> Any:
    del recipe, feeds
    return model


def _static(model: Any, recipe: Recipe, feeds: LazyFeeds) -> Any:
    nncf = _nncf()
    ignored = nncf.IgnoredScope(
        names=list(recipe.names("exclude_nodes")), types=list(recipe.names("exclude_types")), validate=True
    )
    drawn = list(feeds())
    return nncf.quantize(
        model,
        nncf.Dataset(drawn),
        preset=nncf.QuantizationPreset(recipe.get("activation", "mixed")),
        ignored_scope=ignored,
        subset_size=len(drawn),
        advanced_parameters=_advanced(recipe),
    )


def _advanced(recipe: Recipe) -> Any:
    """NNCF's own way takes the mean of each chunk's extremes, and clips what is louder: 9 dB for kws in place of 27."""
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    if recipe.get("calibration", "minmax") == "average":
        return None
    extremes = RangeEstimatorParametersSet.MINMAX
    return AdvancedQuantizationParameters(
        activations_range_estimator_params=extremes, weights_range_estimator_params=extremes
    )


def _weights(model: Any, recipe: Recipe, feeds: LazyFeeds) -> Any:
    del recipe, feeds
    nncf = _nncf()
    return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)


_PRECISIONS: dict[str, Callable[[Any, Recipe, LazyFeeds], Any]] = {
    "fp32": _plain,
    "fp16": _plain,
    "int8-static": _static,
    "int8-weight": _weights,
}


def _nncf() -> Any:
    try:
        import nncf
    except ModuleNotFoundError as exc:
        raise ExportFailed(f"quantizing for OpenVINO needs the package nncf: {exc}", hint=_HINT) from exc
    return nncf
