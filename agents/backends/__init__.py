"""Runtimes by name, imported only when a session or a probe needs one."""

import importlib
import importlib.util
import sys
from typing import Any, Dict, List, Optional, Tuple

from agents.failure import Failure

# Name -> "module:class". ``echo`` is a stand-in without a runtime and is never offered by a probe.
BACKENDS: Dict[str, str] = {
    "executorch": "agents.backends.executorch:ExecuTorchBackend",
    "litert": "agents.backends.litert:LiteRtBackend",
    "onnxruntime": "agents.backends.onnxruntime:OnnxRuntimeBackend",
    "openvino": "agents.backends.openvino:OpenVinoBackend",
    "torchscript": "agents.backends.torchscript:TorchScriptBackend",
    "echo": "agents.backends.echo:EchoBackend",
}
# Name -> "module:class" of its ``decode.step_graph.StepGraph``.
STEPS: Dict[str, str] = {
    "executorch": "agents.backends.executorch_step:ExecuTorchStep",
    "onnxruntime": "agents.backends.onnxruntime_step:OnnxRuntimeStep",
    "litert": "agents.backends.litert_step:LiteRtStep",
    "torchscript": "agents.backends.torchscript_step:TorchScriptStep",
}
# Name -> "module:function" returning a RuntimeProbe of what is installed here.
PROBES: Dict[str, str] = {
    "executorch": "agents.probe.executorch:probe_executorch",
    "litert": "agents.probe.litert:probe_litert",
    "onnxruntime": "agents.probe.onnxruntime:probe_onnxruntime",
    "openvino": "agents.probe.openvino:probe_openvino",
    "torchscript": "agents.probe.torchscript:probe_torchscript",
}
# Name -> what to install for it, where that is called otherwise.
PACKAGES: Dict[str, str] = {
    "executorch": "executorch with torch, or with `earshot devices setup` earshot-executorch-runner,",
    "litert": "ai-edge-litert",
    "torchscript": "torch",
}
# Name -> top-level modules, any of which brings it.
MODULES: Dict[str, Tuple[str, ...]] = {
    "executorch": ("executorch", "earshot_executorch_runner"),
    "litert": ("ai_edge_litert", "tflite_runtime"),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
    "torchscript": ("torch",),
}
# How the reason of a runtime that is not here begins.
NOT_INSTALLED = "cannot import "


def load_backend(name: str) -> Any:
    """The backend class of a runtime; importing it imports the runtime. Raises Failure "runtime-missing"."""
    if name not in BACKENDS:
        raise Failure("runtime-missing", f"unknown runtime {name!r}: this agent knows {', '.join(sorted(BACKENDS))}")
    return _attribute(BACKENDS[name], name)


def load_step(name: str) -> Any:
    """The class of a runtime for the second graph of a transducer. Raises Failure "runtime-missing"."""
    if name not in STEPS:
        raise Failure("runtime-missing", f"{name} runs no transducer here: {', '.join(sorted(STEPS))} do")
    return _attribute(STEPS[name], name)


def load_probe(name: str) -> Any:
    """The probe function of a runtime. Raises Failure "runtime-missing"."""
    if name not in PROBES:
        raise Failure("runtime-missing", f"unknown runtime {name!r}: this agent probes {', '.join(sorted(PROBES))}")
    return _attribute(PROBES[name], name)


def why_missing(name: str) -> Optional[str]:
    """Why a runtime cannot be imported, where none of its modules is installed: known without importing anything."""
    modules = MODULES[name]
    if any(importlib.util.find_spec(module) is not None for module in modules):
        return None
    return _not_installed(name, f"No module named {modules[0]!r}")


def _not_installed(name: str, what: object) -> str:
    return (
        f"{NOT_INSTALLED}{name} on this device ({what}): "
        f"install numpy and {PACKAGES.get(name, name)} for {sys.executable}"
    )


def _attribute(target: str, name: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise Failure("runtime-missing", _not_installed(name, error)) from error


def names() -> List[str]:
    """Runtimes that a probe looks for."""
    return sorted(PROBES)
