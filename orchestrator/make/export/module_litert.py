"""A .tflite file from a PyTorch module, by litert-torch. Importing this needs both.

Its shapes are those of the signature's example: LiteRT's are fixed. Converting twice gives the same bytes.
"""

import warnings
from typing import Any

import litert_torch
from torch import Tensor, nn

from orchestrator.make.export.module_onnx import tensors
from orchestrator.make.export.module_signature import Signature
from orchestrator.make.export.torch_faults import torch_fault


class Named(nn.Module):  # type: ignore[misc]
    """Takes and gives tensors by name; the names become those of the file's signature."""

    def __init__(self, module: Any, signature: Signature) -> None:
        super().__init__()
        self.module = module
        self.inputs, self.outputs = tuple(signature.inputs), signature.output_names

    def forward(self, **given: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.outputs, self.module(*(given[name] for name in self.inputs)), strict=True))


def _has_long_integers(signature: Signature) -> bool:
    """Whether tensors at the border would change their type otherwise: the converter makes int32 of int64."""
    return any(array.dtype.itemsize == 8 for array in signature.inputs.values())


def module_litert(module: Any, signature: Signature) -> bytes:
    """In float32. Raises ExportFailed with the operator, node and line where that is known."""
    named = Named(module, signature).eval()
    given = dict(zip(named.inputs, tensors(signature), strict=True))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The converter's own imports are deprecated.
            made: Any = litert_torch.convert(named, sample_kwargs=given, enable_x64=_has_long_integers(signature))
            return bytes(made.model_content())
    except (MemoryError, KeyboardInterrupt):
        raise
    except BaseException as exc:
        raise torch_fault(exc) from exc
