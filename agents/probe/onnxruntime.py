"""ONNX Runtime on this device: its build, and which of all providers really take a graph, or why not."""

import base64
import platform
from typing import List, Optional, Union

import onnxruntime as ort

from agents.backends.onnxruntime_build import build_of_onnxruntime
from agents.backends.onnxruntime_log import message_of
from agents.backends.onnxruntime_plugin import is_plugin_here, plugin_devices
from agents.device_facts import NOT_IN_BUILD, ProviderProbe, RuntimeProbe
from agents.failure import Failure
from agents.providers import PROVIDERS, emulation, known

# y = x + x over two floats, opset 13, IR version 7: made with onnx.helper, 63 bytes.
TINY_MODEL = base64.b64decode("CAc6NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIAmIPCgF5EgoKCAgBEgQKAggCQgQKABAN")
# Providers that do not run on this device.
_REMOTE = {"AzureExecutionProvider": "calls a service over the network, it does not run on this device"}
_ERRORS_ONLY = 3


def probe_onnxruntime(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the build and all providers that are worth a try. With one: whether it can be used."""
    if provider is not None:
        return _probe_provider(provider)
    offered = ort.get_available_providers()
    names = sorted({*offered, *PROVIDERS})
    providers = tuple(_first_look(name, offered) for name in names)
    return RuntimeProbe("onnxruntime", True, ort.__version__, build_of_onnxruntime(), providers)


def _first_look(name: str, offered: List[str]) -> ProviderProbe:
    """Whether a process of its own is worth it."""
    if name in _REMOTE:
        return ProviderProbe(name, False, _REMOTE[name])
    if name in offered or is_plugin_here(known(name)):
        return ProviderProbe(name, True)
    return ProviderProbe(name, False, f"{NOT_IN_BUILD}: it takes {known(name).package}")


def _probe_provider(name: str) -> ProviderProbe:
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = 1
    try:
        registered = _registered(name, options)
    except Failure as failure:
        return ProviderProbe(name, False, failure.reason)
    except Exception as error:  # The runtime's exceptions have no root of their own.
        return ProviderProbe(name, False, f"cannot make a session: {message_of(error)}")
    if name not in registered:
        return ProviderProbe(name, False, f"fell back to {', '.join(registered)}")
    return ProviderProbe(name, True, emulated=emulation(name, platform.machine()))


def _registered(name: str, options: "ort.SessionOptions") -> List[str]:
    provider = known(name)
    if is_plugin_here(provider):
        options.add_provider_for_devices(plugin_devices(provider)[:1], provider.defaults)
        session = ort.InferenceSession(TINY_MODEL, options, enable_fallback=0)
    else:
        session = ort.InferenceSession(TINY_MODEL, options, providers=[name], enable_fallback=0)
    return list(session.get_providers())
