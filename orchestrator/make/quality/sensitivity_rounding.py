"""What a quantized ONNX graph does to single tensors: weights and activations as they come out of their rounding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from orchestrator.domain.recipe import Recipe

Values = NDArray[Any]
# What onnxruntime's QDQ quantizer calls a graph output before its rounding.
BEFORE_ROUNDING = "_QuantizeLinear_Input"
# Its integer types: of weights with 7 bits, by reduce_range.
_LIMITS = {"s8": (-127, 127), "u8": (0, 255)}
_REDUCED = {"s8": (-64, 64), "u8": (0, 127)}


class Rounding(Protocol):
    """``weight`` and ``activation`` give None for what is not rounded. ``nodes``: those of the fp32 graph that the
    recipe quantizes."""

    nodes: frozenset[str]

    def weight(self, name: str) -> Values | None: ...

    def activation(self, name: str, values: Values) -> Values | None: ...


@dataclass(frozen=True)
class _Scale:
    scale: Values
    zero_point: Values

    def rounded(self, values: Values) -> Values:
        limits = np.iinfo(self.zero_point.dtype)
        codes = np.clip(np.rint(values / self.scale) + self.zero_point, limits.min, limits.max)
        return np.asarray((codes - self.zero_point) * self.scale, dtype=values.dtype)


class StaticRounding:
    """Read from a QDQ graph: the very scales that calibration found. ``excluded``: nodes that the recipe leaves alone,
    which read rounded tensors all the same where others need them so."""

    def __init__(self, made: onnx.ModelProto, excluded: frozenset[str]) -> None:
        constants = {i.name: i for i in made.graph.initializer}
        self._activations = _scales(made, constants)
        self._weights = _weights(made, constants)
        rounded = {n.output[0] for n in made.graph.node if n.op_type == "DequantizeLinear"}
        reading = {n.name for n in made.graph.node if rounded.intersection(n.input) and n.op_type != "QuantizeLinear"}
        self.nodes = frozenset(reading - excluded)

    def weight(self, name: str) -> Values | None:
        return self._weights.get(name)

    def activation(self, name: str, values: Values) -> Values | None:
        scale = self._activations.get(name)
        return None if scale is None else scale.rounded(values)


def _scales(made: onnx.ModelProto, constants: Mapping[str, onnx.TensorProto]) -> dict[str, _Scale]:
    found = {}
    for node in made.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[1] in constants and len(node.input) > 2:
            scale, zero = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
            found[node.input[0].removesuffix(BEFORE_ROUNDING)] = _Scale(scale, zero)
    return found


def _weights(made: onnx.ModelProto, constants: Mapping[str, onnx.TensorProto]) -> dict[str, Values]:
    """Integer constants as the floats that they stand for, by the name that the fp32 graph has for them."""
    found = {}
    for node in made.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in constants:
            continue
        codes, scale = (numpy_helper.to_array(constants[name]) for name in node.input[:2])
        zero = numpy_helper.to_array(constants[node.input[2]]) if len(node.input) > 2 else np.zeros_like(scale)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        if scale.size > 1:
            shape = [1] * codes.ndim
            shape[axis] = -1
            scale, zero = scale.reshape(shape), zero.reshape(shape)
        name = node.input[0].removesuffix("_quantized")
        found[name] = np.asarray((codes.astype(np.float64) - zero) * scale, dtype=np.float32)
    return found


class DynamicRounding:
    """As dynamic int8 rounds: weights by their extremes, activations u8 by those of each chunk."""

    # Those of whose inputs the quantizer rounds the first, and the weights at these places.
    WEIGHTS: Mapping[str, tuple[int, ...]] = {"MatMul": (1,), "Gemm": (1,), "Conv": (1,), "LSTM": (1, 2)}

    def __init__(self, source: onnx.ModelProto, recipe: Recipe, excluded: frozenset[str]) -> None:
        self._values = {i.name: numpy_helper.to_array(i) for i in source.graph.initializer}
        self._limits = (_REDUCED if recipe.get("reduce_range", "no") == "yes" else _LIMITS)[recipe.get("weight", "s8")]
        self._per_channel = recipe.get("granularity", "tensor") == "channel"
        places = {
            n.name: [n.input[i] for i in self.WEIGHTS[n.op_type] if i < len(n.input) and n.input[i] in self._values]
            for n in source.graph.node
            if n.op_type in self.WEIGHTS and n.name not in excluded
        }
        self.nodes = frozenset(name for name, weights in places.items() if weights)
        self._rounded = {weight for weights in places.values() for weight in weights}
        self._read = {n.input[0] for n in source.graph.node if n.name in self.nodes}
        self._first_axis = {n.input[1] for n in source.graph.node if n.op_type == "Conv"}

    def weight(self, name: str) -> Values | None:
        if name not in self._rounded:
            return None
        values = self._values[name]
        others = tuple(a for a in range(values.ndim) if a != (0 if name in self._first_axis else values.ndim - 1))
        axes = others if self._per_channel and values.ndim > 1 else None
        return _by_extremes(values, self._limits, axes)

    def activation(self, name: str, values: Values) -> Values | None:
        return _by_extremes(values, _LIMITS["u8"], None) if name in self._read else None


def _by_extremes(values: Values, limits: tuple[int, int], axes: tuple[int, ...] | None) -> Values:
    """``limits`` that hold negative codes: symmetric around zero; else from the least value, or zero, on."""
    lowest, highest = limits
    if lowest < 0:
        scale = np.abs(values).max(axis=axes, keepdims=True) / highest
        zero = np.zeros_like(scale)
    else:
        least = np.minimum(values.min(axis=axes, keepdims=True), 0.0)
        scale = (np.maximum(values.max(axis=axes, keepdims=True), 0.0) - least) / highest
        scale = np.where(scale > 0, scale, 1.0)
        zero = np.rint(-least / scale)
    scale = np.where(scale > 0, scale, 1.0)
    codes = np.clip(np.rint(values / scale) + zero, lowest, highest)
    return np.asarray((codes - zero) * scale, dtype=values.dtype)
