"""Which layers of an ONNX graph rounding harms: each by itself on what the fp32 graph feeds it, and in the whole."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from orchestrator.domain.rounds import LayerError
from orchestrator.make.models.stepping import Feeds, Runnable, open_session
from orchestrator.make.quality.sensitivity_rounding import BEFORE_ROUNDING, Rounding, Values

HEAVY = ("Conv", "MatMul", "Gemm", "ConvTranspose", "LSTM")
# Outputs are arrays without a batch of their own: one a chunk.
Course = list[Values]


@dataclass(frozen=True)
class Layers:
    """``errors`` in the graph's order; ``harmed_by``: of each layer the rounded inputs, that which costs it most first;
    ``written_by`` (any node) and ``read_by`` (layers) of the fp32 graph by tensor."""

    errors: tuple[LayerError, ...]
    harmed_by: dict[str, tuple[str, ...]]
    written_by: dict[str, onnx.NodeProto]
    read_by: dict[str, tuple[onnx.NodeProto, ...]]


def layers_of(source: onnx.ModelProto, made: onnx.ModelProto, rounding: Rounding, feeds: Sequence[Feeds]) -> Layers:
    """``source`` is the fp32 graph with its nodes named, ``made`` the one that was quantized from it."""
    nodes = [n for n in source.graph.node if n.name in rounding.nodes and not _has_subgraph(n)]
    wanted = {name for n in nodes for name in (*n.input, n.output[0]) if name}
    plain = _run(source, wanted | {n.output[0] for n in source.graph.node if n.op_type in HEAVY}, feeds)
    whole = _run(made, {n.output[0] for n in nodes}, feeds)
    constants = {i.name: np.asarray(numpy_helper.to_array(i)) for i in source.graph.initializer}
    work = {n.name: _work(n, plain, constants) for n in source.graph.node}
    total = sum(work.values()) or 1.0
    errors, harmed_by = [], {}
    for node in nodes:
        alone = _Alone(node, source, plain, constants)
        by_input = alone.inputs_rounded(rounding)
        harmed_by[node.name] = tuple(sorted(by_input, key=lambda name: by_input[name]))
        error = LayerError(
            node.name,
            node.op_type,
            alone.weights_rounded(rounding),
            alone.all_inputs_rounded(rounding, tuple(by_input)),
            snr_db(plain[node.output[0]], whole[node.output[0]]) if node.output[0] in whole else None,
            work[node.name] / total if alone.is_integer(rounding) else 0.0,
        )
        errors.append(error)
    read_by = {name: tuple(n for n in nodes if name in n.input) for name in wanted}
    return Layers(tuple(errors), harmed_by, {name: n for n in source.graph.node for name in n.output}, read_by)


def snr_db(wanted: Iterable[Values], got: Iterable[Values]) -> float | None:
    """None where nothing differs. A signal of zero that becomes something has -100 dB: no ratio says it."""
    signal = noise = 0.0
    for truth, values in zip(wanted, got, strict=True):
        if truth.shape != values.shape:
            return None
        signal += float(np.square(truth, dtype=np.float64).sum())
        noise += float(np.square(np.subtract(values, truth, dtype=np.float64)).sum())
    if noise == 0.0:
        return None
    return max(-100.0, 10.0 * math.log10(signal / noise)) if signal > 0 else -100.0


class _Alone:
    """One node as a graph of its own, fed what the fp32 graph feeds it."""

    def __init__(
        self,
        node: onnx.NodeProto,
        source: onnx.ModelProto,
        plain: Mapping[str, Course],
        constants: Mapping[str, Values],
    ) -> None:
        self._names = [name for name in dict.fromkeys(node.input) if name]
        self._constants = {name: constants[name] for name in self._names if name in constants}
        self._fed = {name: plain[name] for name in self._names if name in plain and name not in constants}
        self._truth = plain[node.output[0]]
        self._output = node.output[0]
        self._graph = _single(node, source, {n: v.dtype for n, v in self._constants.items()} | _dtypes(self._fed))

    def is_integer(self, rounding: Rounding) -> bool:
        """Whether it multiplies integers: some operators only read what others want rounded."""
        return not self._constants or any(rounding.weight(name) is not None for name in self._constants)

    def weights_rounded(self, rounding: Rounding) -> float | None:
        rounded = {n: v for n in self._constants if (v := rounding.weight(n)) is not None}
        rounded = {n: v for n, v in rounded.items() if v.shape == self._constants[n].shape}
        return snr_db(self._truth, self._outputs(self._constants | rounded, self._fed)) if rounded else None

    def inputs_rounded(self, rounding: Rounding) -> dict[str, float]:
        """dB by each input that rounding costs something."""
        found = {name: self.all_inputs_rounded(rounding, (name,)) for name in self._fed}
        return {name: snr for name, snr in found.items() if snr is not None}

    def all_inputs_rounded(self, rounding: Rounding, names: tuple[str, ...]) -> float | None:
        rounded: dict[str, Course] = {}
        for name in names:
            values = [rounding.activation(name, v) for v in self._fed[name]]
            if all(v is not None for v in values):
                rounded[name] = [v for v in values if v is not None]
        return snr_db(self._truth, self._outputs(self._constants, self._fed | rounded)) if rounded else None

    def _outputs(self, constants: Mapping[str, Values], fed: Mapping[str, Course]) -> Course:
        return [
            np.asarray(self._graph.run([self._output], {**constants, **{n: v[chunk] for n, v in fed.items()}})[0])
            for chunk in range(len(self._truth))
        ]


def _dtypes(fed: Mapping[str, Course]) -> dict[str, np.dtype[Any]]:
    return {name: values[0].dtype for name, values in fed.items()}


def _single(node: onnx.NodeProto, source: onnx.ModelProto, dtypes: Mapping[str, np.dtype[Any]]) -> Runnable:
    inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(d), None) for n, d in dtypes.items()]
    graph = helper.make_graph([node], "alone", inputs, [onnx.ValueInfoProto(name=node.output[0])])
    model = helper.make_model(graph, opset_imports=source.opset_import, ir_version=source.ir_version)
    session: Runnable = open_session(model.SerializeToString(), optimized=False)
    return session


def _run(model: onnx.ModelProto, names: set[str], feeds: Sequence[Feeds]) -> dict[str, Course]:
    """Those of the tensors ``names`` that ``model`` computes or is fed, a value a chunk."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    made = {name for n in model.graph.node for name in n.output}
    asked = {name: name for name in names if name in made}
    # A rounded graph output keeps its name for what comes out of the rounding.
    asked |= {name: name + BEFORE_ROUNDING for name in names if name + BEFORE_ROUNDING in made}
    there = {o.name for o in watched.graph.output}
    added = sorted(set(asked.values()) - there)
    watched.graph.output.extend(onnx.ValueInfoProto(name=n) for n in added)
    session = open_session(watched.SerializeToString(), optimized=False)
    outputs = list(asked.values())
    runs = [dict(zip(outputs, session.run(outputs, feed), strict=True)) for feed in feeds]
    found = {name: [np.asarray(run[there]) for run in runs] for name, there in asked.items()}
    return found | {name: [feed[name] for feed in feeds] for name in names if name in feeds[0]}


def _work(node: onnx.NodeProto, plain: Mapping[str, Course], constants: Mapping[str, Values]) -> float:
    """Multiplications of a chunk; 0 for what has few."""
    if node.op_type not in HEAVY or node.output[0] not in plain:
        return 0.0
    output = plain[node.output[0]][0]
    if node.op_type == "LSTM":
        return float(output.shape[0] * sum(constants[n].size for n in node.input[1:3] if n in constants))
    weight = constants.get(node.input[1])
    if weight is None or not weight.size:
        inner = plain[node.input[0]][0].shape[-1] if node.input[0] in plain else 1
        return float(output.size * inner)
    if node.op_type == "ConvTranspose":
        return float(weight.size * output.size / max(1, weight.shape[1]))
    if node.op_type == "Conv":
        return float(output.size * weight.size / weight.shape[0])
    return float(output.size * weight.size / max(1, output.shape[-1]))


def _has_subgraph(node: onnx.NodeProto) -> bool:
    return any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for a in node.attribute)
