"""Who runs the operators of a .pte: the partitioner of a recipe's backend, or why it cannot be made here.

Importing this needs executorch.
"""

import importlib.util
import os
import platform
from pathlib import Path
from typing import Any

from orchestrator.domain.recipe import Recipe
from orchestrator.errors import ExportFailed

# Where Qualcomm's tools look for their SDK (executorch's backends/qualcomm/README).
_QNN_ROOT = "QNN_SDK_ROOT"
_QNN_HINT = (
    "download the Qualcomm AI Engine Direct SDK (qpm.qualcomm.com, with an account), unpack it, "
    f"and set {_QNN_ROOT} to its folder, the one that has lib/x86_64-linux-clang in it"
)


def partitioner_of(recipe: Recipe) -> list[Any]:
    """For ``to_edge_transform_and_lower``; empty for the portable kernels.

    Raises ExportFailed that says what to install, or in the backend's own words why it cannot be used here.
    """
    backend = recipe.get("backend", "xnnpack")
    return {"xnnpack": _xnnpack, "portable": list, "qnn": _qnn, "vulkan": _vulkan, "coreml": _coreml}[backend]()


def _xnnpack() -> list[Any]:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    return [XnnpackPartitioner()]


def _qnn() -> list[Any]:
    root = os.environ.get(_QNN_ROOT)
    if not root or not Path(root).is_dir():
        where = f"{_QNN_ROOT} is {root}, which is no folder" if root else f"{_QNN_ROOT} is not set"
        raise ExportFailed(f"backend=qnn needs Qualcomm's SDK: {where}", hint=_QNN_HINT)
    try:
        from executorch.backends.qualcomm.partition.qnn_partitioner import QnnPartitioner
        from executorch.backends.qualcomm.serialization.qc_schema import QcomChipset
        from executorch.backends.qualcomm.utils import utils

        chipset = getattr(QcomChipset, os.environ.get("EARSHOT_QNN_SOC", "SM8650"))
        options = utils.generate_htp_compiler_spec(use_fp16=False)
        return [QnnPartitioner(utils.generate_qnn_executorch_compiler_spec(chipset, options))]
    except (ImportError, OSError, AttributeError) as exc:
        raise ExportFailed(f"backend=qnn with the SDK at {root}: {exc}", hint=_QNN_HINT) from exc


def _vulkan() -> list[Any]:
    try:
        from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner
    except ImportError as exc:
        raise ExportFailed(
            f"backend=vulkan: {exc}", hint="its compiler is part of a build of executorch from source"
        ) from exc
    return [VulkanPartitioner({"require_dynamic_shapes": False})]


def _coreml() -> list[Any]:
    if importlib.util.find_spec("coremltools") is None:
        raise ExportFailed("backend=coreml needs coremltools", hint="pip install 'earshot[export]'")
    try:
        from executorch.backends.apple.coreml.partition import CoreMLPartitioner
    except ImportError as exc:
        raise ExportFailed(f"backend=coreml on {platform.system()}: {exc}", hint="export it on macOS") from exc
    return [CoreMLPartitioner()]
