"""The ranges of all tensors of a graph as TensorRT's calibration cache.

A line of text that names the version and the calibrator, then ``tensor: scale`` a line, where the scale (the greatest
magnitude over 127) is a float32's four bytes in hexadecimal, the high byte first: forums.developer.nvidia.com/t/56161
shows one that TensorRT wrote, and NVIDIA's TAO exporters write such a file themselves. trtexec --calib reads it.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import create_calibrator

from orchestrator.errors import ExportFailed
from orchestrator.make.export.calibration import FeedReader
from orchestrator.make.export.graph_edit import prepared
from orchestrator.make.models.stepping import Feeds

# TensorRT reads a cache of any version whose calibrator is its own; JetPack 6.0 has 8.6.2.
HEADER = "TRT-8602-EntropyCalibration2"
_STEPS = 127.0
# A tensor that is always zero still needs a scale that is not.
_LEAST = float(np.finfo(np.float32).tiny)


def calibration_cache(model: Path, feeds: Sequence[Feeds], scratch: Path) -> str:
    """Over all float tensors of the graph at ``model``. Raises ExportFailed where none has a range."""
    found = ranges(model, feeds, scratch)
    if not found:
        raise ExportFailed(f"calibration found no range in {model.name}", hint="use tensorrt:fp16")
    return cache_text(found)


def cache_text(found: Mapping[str, float]) -> str:
    """Greatest magnitude by tensor, as the file's text."""
    lines = [f"{name}: {struct.pack('>f', max(top / _STEPS, _LEAST)).hex()}" for name, top in sorted(found.items())]
    return "\n".join([HEADER, *lines]) + "\n"


def ranges(model: Path, feeds: Sequence[Feeds], scratch: Path) -> dict[str, float]:
    """The greatest magnitude of each float tensor, inputs and outputs of nodes alike, over ``feeds``."""
    plain = scratch / "to-calibrate.onnx"
    onnx.save(prepared(model, scratch), plain)
    calibrator = create_calibrator(
        plain,
        None,
        augmented_model_path=str(scratch / "augmented.onnx"),
        calibrate_method=CalibrationMethod.MinMax,
    )
    calibrator.collect_data(FeedReader(feeds))
    data = calibrator.compute_data().data
    return {name: float(max(abs(np.min(low)), abs(np.max(high)))) for name, (low, high) in _pairs(data)}


def _pairs(data: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    return [(name, value.range_value) for name, value in data.items()]
