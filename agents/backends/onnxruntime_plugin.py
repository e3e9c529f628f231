"""Providers that come as a library of their own and are registered with the stock runtime (since 1.22)."""

import importlib
from typing import Any, List

import onnxruntime as ort

from agents.failure import Failure
from agents.providers import Provider


def is_plugin_here(provider: Provider) -> bool:
    """Its package is installed, and the runtime takes plug-ins."""
    if provider.plugin is None or not hasattr(ort, "register_execution_provider_library"):
        return False
    try:
        importlib.import_module(provider.plugin)
    except ImportError:
        return False
    return True


def plugin_devices(provider: Provider) -> List[Any]:
    """The devices that its library finds here; registers the library once. Raises Failure "provider-missing"."""
    devices = _devices(provider.name)
    if devices:
        return devices
    module: Any = importlib.import_module(str(provider.plugin))
    try:
        ort.register_execution_provider_library(provider.name, module.get_library_path())
    except Exception as error:  # The runtime's exceptions have no root of their own.
        raise Failure(
            "provider-missing", f"the library of {provider.plugin} cannot be registered: {' '.join(str(error).split())}"
        ) from error
    devices = _devices(provider.name)
    if not devices:
        raise Failure("provider-missing", f"{provider.plugin} finds no device here that it could run on")
    return devices


def _devices(name: str) -> List[Any]:
    return [device for device in ort.get_ep_devices() if device.ep_name == name]
