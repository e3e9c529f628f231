"""ONNX Runtime on this device: its build, and which of its providers really take a graph."""

import base64
from typing import Optional, Union

import onnxruntime as ort

from agents.device_facts import ProviderProbe, RuntimeProbe

# y = x + x over two floats, opset 13, IR version 7: made with onnx.helper, 63 bytes.
TINY_MODEL = base64.b64decode("CAc6NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIAmIPCgF5EgoKCAgBEgQKAggCQgQKABAN")
# Providers that do not run on this device.
_REMOTE = {"AzureExecutionProvider": "calls a service over the network, it does not run on this device"}
_ERRORS_ONLY = 3


def probe_onnxruntime(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the build and the names of its providers. With one: whether it can be used."""
    if provider is not None:
        return _probe_provider(provider)
    names = sorted(ort.get_available_providers())
    providers = tuple(ProviderProbe(n, n not in _REMOTE, _REMOTE.get(n)) for n in names)
    return RuntimeProbe("onnxruntime", True, ort.__version__, ort.get_build_info(), providers)


def _probe_provider(name: str) -> ProviderProbe:
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(TINY_MODEL, options, providers=[name], enable_fallback=0)
        registered = session.get_providers()
    except Exception as error:  # The runtime's exceptions have no root of their own.
        return ProviderProbe(name, False, "cannot make a session: " + " ".join(str(error).split())[:300])
    if name not in registered:
        return ProviderProbe(name, False, f"fell back to {', '.join(registered)}")
    return ProviderProbe(name, True)
