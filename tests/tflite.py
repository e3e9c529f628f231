"""Small .tflite files, written with the schema that the runtime itself carries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

CHUNK, HIDDEN = 160, 8
_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}
_OPTIONS = {
    "ADD": "AddOptions",
    "MUL": "MulOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
}


@dataclass
class GraphFile:
    """One graph under construction: ``tensor`` and ``node`` return and take tensor numbers."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    nodes: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        values: NDArray[Any] | None = None,
        scale: float | None = None,
        kind: str = "float32",
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape = name, list(shape)
        made.type = _TYPES["int8" if scale else kind if values is None else str(values.dtype)]
        made.buffer = 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            made.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if scale:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [0]
        self.tensors.append(made)
        return len(self.tensors) - 1

    def node(self, operator: str, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        code = getattr(schema.BuiltinOperator, operator)
        if code not in self.codes:
            self.codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self.codes.index(code), list(inputs), list(outputs)
        options = _OPTIONS.get(operator)
        if options:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, options + "T")()
        self.nodes.append(made)

    def content(self, inputs: dict[str, int], outputs: dict[str, int], *, signature: bool = True) -> bytes:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.nodes
        graph.inputs, graph.outputs = list(inputs.values()), list(dict.fromkeys(outputs.values()))
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = [_code(code) for code in self.codes]
        model.signatureDefs = [_signature(inputs, outputs)] if signature else []
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _code(builtin: int) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version = builtin, min(builtin, 127), 1
    return made


def _signature(inputs: dict[str, int], outputs: dict[str, int]) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = "serving_default", 0
    made.inputs, made.outputs = ([_named(*pair) for pair in ends.items()] for ends in (inputs, outputs))
    return made


def _named(name: str, number: int) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, number
    return made


def leaky_tflite(*, gain: float = 1.0, hard: bool = False, signature: bool = True, samples: int = CHUNK) -> bytes:
    """state' = 0.5 state + gain * mean(x); y = state', cut at zero. ``hard``: y is its floor, which XNNPACK leaves to
    the runtime's own kernels or not, as the build has it; ``signature``: the tensors have names."""
    file = GraphFile()
    x, state = file.tensor("x", (1, samples)), file.tensor("state", (1, HIDDEN))
    weights = file.tensor("weights", (HIDDEN, samples), np.full((HIDDEN, samples), gain / samples, np.float32))
    half = file.tensor("half", (1,), np.array([0.5], np.float32))
    scaled, kept = file.tensor("scaled", (1, HIDDEN)), file.tensor("kept", (1, HIDDEN))
    following, y = file.tensor("following", (1, HIDDEN)), file.tensor("out", (1, HIDDEN))
    file.node("FULLY_CONNECTED", (x, weights, -1), (scaled,))
    file.node("MUL", (state, half), (kept,))
    file.node("ADD", (kept, scaled), (following,))
    file.node("FLOOR_MOD" if hard else "RELU", (following, half) if hard else (following,), (y,))
    return file.content({"x": x, "state_in": state}, {"y": y, "state_out": following}, signature=signature)
