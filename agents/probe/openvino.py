"""OpenVINO on this device: the package, and which of its devices take a graph."""

from typing import Optional, Union

import numpy as np
import openvino
from openvino import opset8

from agents.backends.openvino_model import ERRORS, message_of
from agents.device_facts import ProviderProbe, RuntimeProbe


def probe_openvino(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the package and its devices. With one: whether it runs a graph."""
    core = openvino.Core()
    if provider is None:
        devices = tuple(ProviderProbe(name, True) for name in core.available_devices)
        return RuntimeProbe("openvino", True, openvino.__version__, f"openvino {openvino.__version__}", devices)
    try:
        x = opset8.parameter([2], np.float32)
        model = openvino.Model([opset8.add(x, x)], [x], "twice")
        core.compile_model(model, provider)([np.ones(2, np.float32)])
    except ERRORS as error:
        return ProviderProbe(provider, False, f"cannot run a graph: {message_of(error)}")
    return ProviderProbe(provider, True)
