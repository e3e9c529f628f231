"""Weights to .tflite: ``python -m orchestrator.make.models.reference.export_litert`` (needs the ``litert`` extra).

The same module, weights and contract as the ONNX export; the time axis is fixed to the contract's own chunk, because
LiteRT's shapes are. Converting twice gives the same bytes.
"""

import warnings
from pathlib import Path
from typing import Any

import litert_torch
import torch
from torch import Tensor, nn

from agents.contract import StreamContract
from orchestrator.make.models.reference import WITH_GRAPHS, tflite_path
from orchestrator.make.models.reference.export import initial_state, load


class Named(nn.Module):  # type: ignore[misc]
    """Takes and gives tensors by the contract's names, which become those of the file's signature."""

    def __init__(self, module: nn.Module, contract: StreamContract) -> None:
        super().__init__()
        self.module = module
        self.inputs = [contract.input.name, *(s.input for s in contract.states)]
        self.outputs = [*(o.name for o in contract.outputs), *(s.output for s in contract.states)]

    def forward(self, **given: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.outputs, self.module(*(given[name] for name in self.inputs)), strict=True))


def converted(module: nn.Module, contract: StreamContract) -> bytes:
    """The .tflite file of ``module``, in fp32."""
    named = Named(module, contract).eval()
    tensors = [torch.zeros(contract.input.shape), *initial_state(contract)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The converter's own imports are deprecated.
        made: Any = litert_torch.convert(named, sample_kwargs=dict(zip(named.inputs, tensors, strict=True)))
    return bytes(made.model_content())


def export(name: str, path: Path) -> None:
    path.write_bytes(converted(*load(name)))


if __name__ == "__main__":
    # The names of tensors have that of the module's class, which is another one in a module that is run.
    from orchestrator.make.models.reference import export_litert

    for model_name in WITH_GRAPHS:
        export_litert.export(model_name, tflite_path(model_name))
