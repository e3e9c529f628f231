"""TorchScript on this device: torch, and whether it runs a graph.

Importing torch takes seconds, on a small board half a minute: its package says enough until a provider is tried.
"""

from importlib import metadata
from typing import Optional, Union

from agents.device_facts import ProviderProbe, RuntimeProbe

_CPU = "CPU"
_VERSION = metadata.version("torch")
_TINY = "def twice(x: Tensor) -> Tensor:\n    return x + x\n"


def probe_torchscript(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the package and its one provider. With it: whether a graph runs."""
    if provider is None:
        return RuntimeProbe("torchscript", True, _VERSION, f"torch {_VERSION}", (ProviderProbe(_CPU, True),))
    from agents.backends.torchscript_load import CPU, ERRORS, message_of

    if provider != CPU:
        return ProviderProbe(provider, False, f"torchscript runs on the provider {CPU} here")
    import torch

    try:
        unit = torch.jit.CompilationUnit(_TINY)
        unit.twice(torch.ones(2))
    except ERRORS as error:
        return ProviderProbe(provider, False, f"cannot run a graph: {message_of(error)}")
    return ProviderProbe(provider, True)
