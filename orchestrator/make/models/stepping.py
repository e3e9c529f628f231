"""A graph, stepped chunk by chunk with its state carried, as an agent would do it but plainly.

Used where outputs matter and time does not: import, calibration, parity.
"""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from agents.features import make_frontend

if TYPE_CHECKING:
    import onnxruntime

Feeds = dict[str, NDArray[Any]]
# Suffix -> "module:function" that opens such a file; the others are ONNX Runtime's.
OPENERS = {
    ".pte": "orchestrator.make.models.stepping_pte:PteGraph",
    ".openvino.zip": "orchestrator.make.models.stepping_openvino:open_openvino",
    ".pt": "orchestrator.make.models.stepping_torchscript:open_torchscript",
    ".ptl": "orchestrator.make.models.stepping_torchscript:open_torchscript",
    ".tflite": "orchestrator.make.models.stepping_tflite:open_tflite",
}


class Runnable(Protocol):
    """An onnxruntime session, onnx's reference evaluator, or a .tflite file's interpreter."""

    def run(self, output_names: Sequence[str], feeds: Feeds) -> list[Any]: ...


class RunnableFile(Runnable, Protocol):
    """One that was read from a file, and says what it takes and gives: ports with a ``name`` and a ``shape``."""

    def get_inputs(self) -> Sequence[Any]: ...

    def get_outputs(self) -> Sequence[Any]: ...


def open_session(model: Path | bytes, *, optimized: bool = True) -> "onnxruntime.InferenceSession":
    """A quiet CPU session with one thread. Raises onnxruntime's own errors for what it cannot load."""
    # 0.04 s: only those who step a graph pay.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def open_graph(path: Path) -> RunnableFile:
    """The graph of any kind as its runtime runs it, on one thread. Raises the runtime's own errors for what it cannot
    load."""
    opener = OPENERS.get("".join(path.suffixes[-2:])) or OPENERS.get(path.suffix)
    if opener is None:
        session: RunnableFile = open_session(path)
        return session
    module, _, function = opener.partition(":")
    opened: RunnableFile = getattr(importlib.import_module(module), function)(path)
    return opened


def graph_inputs(graph: RunnableFile) -> list[Any]:
    """All that can be fed: onnxruntime lists what has a default value apart."""
    defaulted = getattr(graph, "get_overridable_initializers", list)
    return [*graph.get_inputs(), *defaulted()]


def initial_states(contract: StreamContract) -> Feeds:
    """Every state at the start of a stream, by the name of its input."""
    return {s.input: np.full(s.shape, s.initial, dtype=s.dtype) for s in contract.states}


def constant_feeds(contract: StreamContract) -> Feeds:
    """The constant inputs, by name."""
    return {c.name: np.full(c.shape, contract.constant_values[c.name], dtype=c.dtype) for c in contract.constants}


def chunk_inputs(contract: StreamContract, samples: NDArray[np.int16], chunk_samples: int) -> Iterator[NDArray[Any]]:
    """The graph's input for each whole chunk of ``samples``; what is left over at the end is dropped."""
    frontend = make_frontend(contract)
    shape = contract.input_shape(chunk_samples)
    for start in range(0, len(samples) - chunk_samples + 1, chunk_samples):
        filled = np.empty(shape, dtype=np.float32)
        frontend.push_into(samples[start : start + chunk_samples], filled)
        yield filled.astype(contract.input.dtype, copy=False)


def feeds_of(graph: Runnable, contract: StreamContract, inputs: Iterator[NDArray[Any]]) -> Iterator[tuple[Feeds, Any]]:
    """For each input: all that the graph was fed (input, real carried state, constants) and its outputs, by name."""
    names = [o.name for o in contract.outputs] + [s.output for s in contract.states]
    states = initial_states(contract)
    constants = constant_feeds(contract)
    for values in inputs:
        feeds = {contract.input.name: values, **states, **constants}
        outputs = dict(zip(names, graph.run(names, feeds), strict=True))
        states = {s.input: outputs[s.output] for s in contract.states}
        yield feeds, outputs


def step_through(
    graph: Runnable, contract: StreamContract, samples: NDArray[np.int16], chunk_samples: int
) -> list[list[NDArray[Any]]]:
    """The contract's outputs of each chunk, in its order."""
    inputs = chunk_inputs(contract, samples, chunk_samples)
    return [[np.asarray(out[o.name]) for o in contract.outputs] for _, out in feeds_of(graph, contract, inputs)]
