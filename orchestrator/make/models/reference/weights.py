"""The committed weights of a reference model, put into its module. Needs torch."""

from typing import TypeVar

from safetensors.torch import load_file
from torch import nn

from orchestrator.make.models.reference import weights_path

Module = TypeVar("Module", bound=nn.Module)


def committed(module: Module, name: str) -> Module:
    """``module`` with the weights of reference model ``name``, in evaluation mode; float16 ones become float32."""
    module.load_state_dict(load_file(weights_path(name)))
    module.eval()
    return module
