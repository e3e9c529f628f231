"""Does a provider compute what the CPU of the same build computes? The same chunks, state carried, on the device."""

import math
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.failure import Failure
from agents.providers import CPU

# Runtime -> the provider that the others are held against; others have none.
REFERENCES: Dict[str, str] = {"onnxruntime": CPU}
Outputs = List[Tuple[NDArray[Any], ...]]


def reference_of(spec: wire.RunSpec) -> Optional[str]:
    """The provider to compare with; None where there is none, or this is it."""
    reference = REFERENCES.get(spec.runtime)
    return None if reference == spec.provider else reference


def compare(reference: str, expected: Callable[[], Outputs], got: Outputs) -> wire.DeviceParity:
    """``got`` against what ``expected`` computes; a reference that cannot be had is an answer, with its reason."""
    try:
        wanted = expected()
    except Failure as failure:
        why = f"{reference} could not be compared with: {failure.reason}"
        return wire.DeviceParity(reference, len(got), reason=why)
    return _figures(reference, wanted, got)


def _figures(reference: str, wanted: Outputs, got: Outputs) -> wire.DeviceParity:
    a, b = _joined(wanted), _joined(got)
    if a.shape != b.shape or not np.isfinite(b).all():
        return wire.DeviceParity(reference, len(got), reason="its outputs have another shape, or hold NaN or infinity")
    noise = float(np.square(b - a).sum())
    signal = max(float(np.square(a).sum()), float(np.finfo(float).tiny))
    snr_db = 10.0 * math.log10(signal / noise) if noise > 0 else None
    return wire.DeviceParity(reference, len(got), float(np.abs(b - a).max(initial=0.0)), snr_db)


def _joined(chunks: Sequence[Tuple[NDArray[Any], ...]]) -> NDArray[np.float64]:
    flat = [np.ravel(values).astype(np.float64) for chunk in chunks for values in chunk]
    return np.concatenate(flat) if flat else np.zeros(0)
