"""Loaded models: inputs by name to outputs by name, as the configuration says that was measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


class Graph(Protocol):
    """``fixed``: whether it computes its whole batch in every call, however many rows are asked for."""

    fixed: bool

    def run(self, inputs: Arrays) -> Arrays: ...


class OnnxRuntimeGraph:
    """Loaded by ONNX Runtime with the provider, the threads and the options that were measured."""

    fixed = False

    def __init__(self, path: Path, configuration: dict[str, Any]) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = configuration["threads"], 1
        for name, text in configuration["session_options"].items():
            if name == "graph_optimization_level":
                level = {"disable": "DISABLE_ALL"}.get(text, f"ENABLE_{text.upper()}")
                options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_{level}")
            elif name == "execution_mode":
                options.execution_mode = getattr(ort.ExecutionMode, f"ORT_{text.upper()}")
            elif name in ("enable_cpu_mem_arena", "enable_mem_pattern"):
                setattr(options, name, text in ("1", "true"))
            elif name == "allow_spinning":
                options.add_session_config_entry("session.intra_op.allow_spinning", str(int(text in ("1", "true"))))
            elif name.startswith("session."):
                options.add_session_config_entry(name, text)
        own = {n[3:]: text for n, text in configuration["session_options"].items() if n.startswith("ep.")}
        provider = configuration["execution_provider"]
        self.session = ort.InferenceSession(str(path), options, providers=[(provider, own)])
        if self.session.get_providers()[0] != provider:
            raise RuntimeError(f"{provider} is not to be had here: {self.session.get_providers()}")
        self.outputs = [o.name for o in self.session.get_outputs()]

    def run(self, inputs: Arrays) -> Arrays:
        return dict(zip(self.outputs, self.session.run(self.outputs, inputs), strict=True))


class LiteRtGraph:
    """Loaded by LiteRT; the signature has the names of the contract."""

    fixed = True

    def __init__(self, path: Path, configuration: dict[str, Any]) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        own = {"experimental_op_resolver_type": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}
        kernels = own if configuration["execution_provider"] == "CPU" else {}
        interpreter = Interpreter(str(path), num_threads=configuration["threads"], **kernels)
        self.runner = interpreter.get_signature_runner()

    def run(self, inputs: Arrays) -> Arrays:
        return {name: np.array(values) for name, values in self.runner(**inputs).items()}


LOADERS: dict[str, Callable[[Path, dict[str, Any]], Graph]] = {
    "onnxruntime": OnnxRuntimeGraph,
    "litert": LiteRtGraph,
}
