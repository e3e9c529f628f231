"""A fp32 .tflite file quantized by ai-edge-quantizer. Importing this needs that package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe_manager
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.utils import qsv_utils

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed
from orchestrator.make.export.formats import LazyFeeds
from orchestrator.make.models.tflite import open_interpreter

_ANYWHERE = ".*"
_BITS = {"s8": 8, "s16": 16}
# The quantizer's own way is a moving average, which forgets the extremes and clips them.
_RANGES = {"minmax": qsv_utils.min_max_update, "average": qsv_utils.moving_average_update}
_Operation = qtyping.TFLOperationName
# What the file's schema calls otherwise.
_OTHER_NAMES = {"TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}


def quantized(path: Path, recipe: Recipe, types: Sequence[str], feeds: LazyFeeds | None) -> bytes:
    """The file's bytes with the operators of ``types`` quantized as far as LiteRT has kernels for it.

    Inputs and outputs stay float32: as integers, a state would leave with another scale than it comes in with.
    Raises ExportFailed where none of ``types`` can be quantized.
    """
    known = {operation.value for operation in _Operation}
    wanted = [_Operation(name) for name in (_OTHER_NAMES.get(t, t) for t in types) if name in known]
    if not wanted:
        raise ExportFailed(f"nothing to quantize: ai-edge-quantizer knows none of {', '.join(types)}")
    work = quantizer.Quantizer(str(path))
    if recipe.names("only_types") or recipe.names("exclude_types"):
        for operation in wanted:
            _add(work, operation, recipe)
    else:
        _add(work, _Operation.ALL_SUPPORTED, recipe)
    for operation in (_Operation.INPUT, _Operation.OUTPUT):
        work.update_quantization_recipe(_ANYWHERE, operation, algorithm_key=AlgorithmName.NO_QUANTIZE)
    ranges = _calibrated(path, work, recipe, feeds) if feeds is not None else None
    return bytes(work.quantize(ranges).quantized_model)


def _add(work: Any, operation: Any, recipe: Recipe) -> None:
    granularity = qtyping.QuantGranularity.CHANNELWISE
    if recipe.get("granularity", "channel") == "tensor":
        granularity = qtyping.QuantGranularity.TENSORWISE
    if recipe.precision == "fp16":
        work.add_weight_only_config(_ANYWHERE, operation, 16, algorithm_key=AlgorithmName.FLOAT_CASTING)
    elif recipe.precision == "int8-dynamic":
        work.add_dynamic_config(_ANYWHERE, operation, 8, granularity)
    elif recipe.precision == "int8-static":
        work.add_static_config(_ANYWHERE, operation, _BITS[recipe.get("activation", "s8")], 8, granularity)
    else:
        work.add_weight_only_config(_ANYWHERE, operation, 4 if recipe.precision == "int4-weight" else 8, granularity)


def _calibrated(path: Path, work: Any, recipe: Recipe, feeds: LazyFeeds) -> Any:
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(work.get_quantization_recipe())
    (signature,) = list(open_interpreter(path).get_signature_list())[:1]
    watching = calibrator.Calibrator(
        path.read_bytes(), num_threads=1, qsv_update_func=_RANGES[recipe.get("calibration", "minmax")]
    )
    watching.calibrate({signature: list(feeds())}, rules)
    return watching.get_model_qsvs()
