"""Who runs the nodes of a .tflite file, and how, from the words of a RunSpec."""

import ctypes
from typing import Any, Dict, Tuple

from agents.failure import Failure

XNNPACK = "XNNPACK"
# The runtime's own kernels.
CPU = "CPU"
# External delegates, and their library where its maker names one (tensorflow's delegates/gpu/BUILD, coral.ai,
# Arm NN's delegate/README): the option ``delegate`` names another place.
LIBRARIES: Dict[str, str] = {
    "GPU": "libtensorflowlite_gpu_delegate.so",
    "EdgeTPU": "libedgetpu.so.1",
    "ArmNN": "libarmnnDelegate.so",
    "NNAPI": "",
    "Delegate": "",
}
PROVIDERS = (XNNPACK, CPU, *LIBRARIES)

_SWITCH = {"0": False, "1": True, "false": False, "true": True}
# Option -> argument of the interpreter.
_SWITCHES = {
    "xnnpack_latest_features": "experimental_default_delegate_latest_features",
    "disable_delegate_clustering": "experimental_disable_delegate_clustering",
}
# What a library of delegates must have: tensorflow's delegates/external/external_delegate_interface.h.
_ENTRY = "tflite_plugin_create_delegate"
_PATH, _KEY = "delegate", "delegate."


def interpreter_arguments(module: Any, provider: str, threads: int, given: Dict[str, str]) -> Dict[str, Any]:
    """Arguments of ``module.Interpreter``. ``delegate.*`` words are the delegate's own options.

    Raises Failure "provider-missing" for a provider or a delegate that is not here, "model-load" for an unknown option
    or value.
    """
    if provider not in PROVIDERS:
        raise Failure("provider-missing", f"litert has no provider {provider!r}; known are {', '.join(PROVIDERS)}")
    arguments: Dict[str, Any] = {"num_threads": threads}
    for name, text in given.items():
        if name in _SWITCHES:
            arguments[_SWITCHES[name]] = _switch(name, text)
        elif name != _PATH and not name.startswith(_KEY):
            known = ", ".join((*_SWITCHES, _PATH, _KEY + "*"))
            raise Failure("model-load", f"unknown session option {name!r} of litert; known are {known}")
    if provider == CPU:
        resolvers = module.OpResolverType
        arguments["experimental_op_resolver_type"] = resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    library, options = _delegate(provider, given)
    if provider in LIBRARIES:
        arguments["experimental_delegates"] = [load_delegate(module, provider, library, options)]
    elif library or options:
        raise Failure("model-load", f"session option delegate belongs to {', '.join(LIBRARIES)}, not to {provider}")
    return arguments


def load_delegate(module: Any, provider: str, library: str, options: Dict[str, str]) -> Any:
    """Raises Failure "provider-missing" with what the linker or the delegate said."""
    library = library or LIBRARIES[provider]
    if not library:
        raise Failure("provider-missing", f"{provider} needs its library: give the session option delegate=PATH")
    try:
        # First without the interpreter, whose half-made delegates complain once more when they are collected.
        if not hasattr(ctypes.CDLL(library), _ENTRY):
            raise ValueError(f"it has no {_ENTRY}, so it is no delegate")
        return module.load_delegate(library, options)
    except (OSError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())[:300]
        raise Failure(
            "provider-missing",
            f"the delegate {provider} cannot be loaded from {library}: {said}; "
            "name its library with the session option delegate=PATH, or leave the provider out",
        ) from error


def _delegate(provider: str, given: Dict[str, str]) -> Tuple[str, Dict[str, str]]:
    options = {name[len(_KEY) :]: text for name, text in given.items() if name.startswith(_KEY)}
    return given.get(_PATH, ""), options


def _switch(name: str, text: str) -> bool:
    if text not in _SWITCH:
        raise Failure("model-load", f"session option {name} must be one of {', '.join(_SWITCH)}, got {text!r}")
    return _SWITCH[text]
