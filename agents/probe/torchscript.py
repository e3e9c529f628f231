"""TorchScript on this device: torch, and whether it runs a graph."""

from typing import Optional, Union

import torch

from agents.backends.torchscript import build_of_torch
from agents.backends.torchscript_load import CPU, ERRORS, message_of
from agents.device_facts import ProviderProbe, RuntimeProbe

_TINY = "def twice(x: Tensor) -> Tensor:\n    return x + x\n"


def probe_torchscript(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the package and its one provider. With it: whether a graph runs."""
    if provider is None:
        return RuntimeProbe("torchscript", True, torch.__version__, build_of_torch(), (ProviderProbe(CPU, True),))
    if provider != CPU:
        return ProviderProbe(provider, False, f"torchscript runs on the provider {CPU} here")
    try:
        unit = torch.jit.CompilationUnit(_TINY)
        unit.twice(torch.ones(2))
    except ERRORS as error:
        return ProviderProbe(provider, False, f"cannot run a graph: {message_of(error)}")
    return ProviderProbe(provider, True)
