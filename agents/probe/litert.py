"""LiteRT on this device: which package brings it, and which of its delegates really take a graph."""

import base64
import os
from typing import Optional, Union

from agents.backends.litert_options import CPU, LIBRARIES, PROVIDERS, interpreter_arguments
from agents.backends.litert_package import interpreter_module
from agents.device_facts import ProviderProbe, RuntimeProbe
from agents.failure import Failure

_MODULE, _PACKAGE, _VERSION = interpreter_module()
# y = x + x over two floats: made with the schema of ai-edge-litert 2.3.0, 276 bytes.
TINY_MODEL = base64.b64decode(
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAYAAAA4AAAAAMAAAABAAAABAAAACj///8BAAAAEAAAAAwAFAAQAAwACAAEAAwAAAAQAAAA"
    "UAAAAFQAAABYAAAAAQAAABQAAAAAAA4AFAAAABAADAALAAQADgAAABAAAAAAAAALDAAAABAAAACA////AQAAAAEAAAACAAAAAAAAAAAAAAABAAAA"
    "AQAAAAEAAAAAAAAAAgAAADAAAAAEAAAA5P///wgAAAAMAAAAAQAAAHkAAAABAAAAAgAAAAwADAAIAAAAAAAEAAwAAAAIAAAADAAAAAEAAAB4AAAA"
    "AQAAAAIAAAABAAAACAAAAAQABAAEAAAA"
)
# Where the linker of Linux, Android and Termux looks, beside LD_LIBRARY_PATH.
_FOLDERS = ("/usr/local/lib", "/usr/lib", "/lib", "/lib64", "/usr/lib64", "/vendor/lib64", "/system/lib64")


def probe_litert(provider: Optional[str] = None) -> Union[RuntimeProbe, ProviderProbe]:
    """Without ``provider``: the package and the names of its providers. With one: whether it can be used."""
    if provider is not None:
        return _probe_provider(provider)
    return RuntimeProbe("litert", True, _VERSION, _PACKAGE, tuple(_expected(name) for name in PROVIDERS))


def _expected(name: str) -> ProviderProbe:
    """What is known of a provider without loading a vendor's library into this process."""
    if name not in LIBRARIES:
        return ProviderProbe(name, True)
    library = LIBRARIES[name]
    if not library:
        return ProviderProbe(name, False, "it needs its library: give the session option delegate=PATH")
    if not any(os.path.exists(os.path.join(folder, library)) for folder in _library_folders()):
        return ProviderProbe(name, False, f"{library} is not among the device's libraries")
    return ProviderProbe(name, True)


def _library_folders() -> "list[str]":
    triplet = f"{os.uname().machine}-linux-gnu"
    given = [f for f in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if f]
    return [*given, *(os.path.join(f, triplet) for f in _FOLDERS[:3]), *_FOLDERS]


def _probe_provider(name: str) -> ProviderProbe:
    try:
        arguments = interpreter_arguments(_MODULE, name, 1, {})
        interpreter = _MODULE.Interpreter(model_content=TINY_MODEL, **arguments)
        interpreter.allocate_tensors()
        interpreter.invoke()
        nodes = [node["op_name"] for node in interpreter._get_ops_details()]
    except Failure as failure:
        return ProviderProbe(name, False, failure.reason)
    except (RuntimeError, ValueError) as error:
        return ProviderProbe(name, False, "cannot make an interpreter: " + " ".join(str(error).split())[:300])
    if name != CPU and nodes == ["ADD"]:
        return ProviderProbe(name, False, "takes no node of the smallest graph: this build has no such delegate")
    return ProviderProbe(name, True)
