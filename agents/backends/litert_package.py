"""The interpreter of LiteRT: that of ai-edge-litert, or of tflite-runtime where that is what the device has."""

import importlib
from importlib import metadata
from typing import Any, Tuple

_PACKAGES = (("ai-edge-litert", "ai_edge_litert.interpreter"), ("tflite-runtime", "tflite_runtime.interpreter"))


def interpreter_module() -> Tuple[Any, str, str]:
    """(module, package, version). Raises ImportError with what each package said."""
    reasons = []
    for package, module in _PACKAGES:
        try:
            return importlib.import_module(module), package, metadata.version(package)
        except (ImportError, AttributeError) as error:  # AttributeError: built for numpy 1, met numpy 2.
            reasons.append(f"{package}: {error}")
    raise ImportError("; ".join(reasons))
