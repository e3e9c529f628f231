"""What a model says when it hears a whole recording at once: the truth that chunk-by-chunk outputs must meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from agents.contract import StreamContract
from orchestrator.errors import BadAudio, ExportFailed
from orchestrator.make.models.graph import read_graph, read_proto
from orchestrator.make.models.source import ModelSource
from orchestrator.make.models.stepping import (
    Runnable,
    chunk_inputs,
    constant_feeds,
    initial_states,
    open_graph,
    open_session,
    step_through,
)
from orchestrator.make.models.stepping_module import ModuleGraph
from orchestrator.make.models.stepping_tflite import TfliteGraph

Outputs = list[NDArray[Any]]
# onnx's evaluator is numpy and Python: about 20 ms a chunk for Silero VAD.
_EVALUATOR_CHUNKS = 64


@dataclass(frozen=True)
class Reference:
    """``outputs[i]``: the source's outputs for ``audio[i]``, in the contract's order. ``how``: for the provenance."""

    contract: StreamContract
    audio: tuple[NDArray[np.int16], ...]
    outputs: tuple[Outputs, ...]
    how: str


class _NotWhole(Exception):
    """The model cannot take a recording at once; the message says why."""


def reference_of_source(source: ModelSource, audio: Sequence[NDArray[np.int16]]) -> Reference:
    """``reference_of`` its main graph; where there is only a module, what torch computes eagerly: the whole recording
    at once, or chunk by chunk where it does not take that."""
    contract = source.contract
    if source.has_graph:
        return reference_of(source.graph_path, contract, audio)
    cut = _cut(contract, audio)
    module = ModuleGraph(source.needed_module(), contract)
    try:
        _require_no_context(contract)
        outputs = tuple(_whole(module, contract, cut))
        return Reference(contract, cut, outputs, "the whole recording in one call of torch")
    except _NotWhole as exc:
        how = f"stepped by eager torch, because {exc}"
        return Reference(contract, cut, _step(module, contract, cut), how)


def reference_of(source: Path, contract: StreamContract, audio: Sequence[NDArray[np.int16]]) -> Reference:
    """Run ``source`` over each recording in one call where its time axis allows it, else step it chunk by chunk.

    A graph of fixed length, or one whose chunks overlap (context_samples), is stepped by onnx's reference evaluator,
    which shares no code with the runtime; where that lacks an operator, by onnxruntime without any optimization. A
    .tflite file is stepped by LiteRT's reference kernels, which share no code with XNNPACK. A .pte program has nobody
    else to be run by: it is stepped as it is.
    Recordings are cut to a multiple of every allowed chunk size. Raises BadAudio where none is left.
    """
    cut = _cut(contract, audio)
    if source.suffix == ".tflite":
        outputs = _step(TfliteGraph(source, reference=True), contract, cut)
        how = "stepped by LiteRT's reference kernels, because a .tflite file has a fixed length"
        return Reference(contract, cut, outputs, how)
    if source.suffix == ".pte":
        how = "stepped by the program itself: what it was made of is not known here"
        return Reference(contract, cut, _step(open_graph(source), contract, cut), how)
    try:
        _require_free(source, contract)
        outputs = tuple(_whole(open_session(source), contract, cut))
        return Reference(contract, cut, outputs, "the whole recording in one call")
    except _NotWhole as exc:
        return _stepped(source, contract, cut, str(exc))


def join(chunks: Sequence[NDArray[Any]], whole: tuple[int, ...]) -> NDArray[Any] | None:
    """Outputs of the chunks of one recording, put one after the other so that they have shape ``whole``; None where no
    axis does that."""
    shape = chunks[0].shape
    if len(chunks) == 1:
        return chunks[0] if shape == whole else None
    if len(shape) != len(whole):
        return None
    grown = [a for a, (one, all_of_it) in enumerate(zip(shape, whole, strict=True)) if one != all_of_it]
    if len(grown) != 1 or sum(c.shape[grown[0]] for c in chunks) != whole[grown[0]]:
        return None
    return np.concatenate(chunks, axis=grown[0])


def _cut(contract: StreamContract, audio: Sequence[NDArray[np.int16]]) -> tuple[NDArray[np.int16], ...]:
    step = lcm(*contract.allowed_chunk_samples)
    cut = tuple(a[: len(a) // step * step] for a in audio if len(a) >= step)
    if not cut:
        raise BadAudio(f"parity needs a recording of at least {step} samples, the longest of {len(audio)} is shorter")
    return cut


def _require_no_context(contract: StreamContract) -> None:
    if contract.frontend.context_samples:
        raise _NotWhole(f"its chunks share {contract.frontend.context_samples} samples")


def _require_free(source: Path, contract: StreamContract) -> None:
    shape = read_graph(source).inputs_by_name[contract.input.name].shape
    _require_no_context(contract)
    if shape is None or isinstance(shape[contract.time_axis], int):
        raise _NotWhole("its input has a fixed length")


def _whole(session: Runnable, contract: StreamContract, audio: Sequence[NDArray[np.int16]]) -> list[Outputs]:
    names = [o.name for o in contract.outputs]
    found = []
    for samples in audio:
        inputs = list(chunk_inputs(contract, samples, contract.chunk_samples))
        whole = np.concatenate(inputs, axis=contract.time_axis)
        feeds = {contract.input.name: whole, **initial_states(contract), **constant_feeds(contract)}
        try:
            outputs = session.run(names, feeds)
        except (
            Exception
        ) as exc:  # onnxruntime's errors share no base class of their own, and a module may raise anything
            raise _NotWhole(f"it does not run on {whole.shape}") from exc
        for spec, values in zip(contract.outputs, outputs, strict=True):
            chunk_like = np.broadcast_to(np.float32(0), spec.shape)
            if join([chunk_like] * len(inputs), values.shape) is None:
                raise _NotWhole(f"output {spec.name} does not grow with the recording")
        found.append(outputs)
    return found


def _stepped(source: Path, contract: StreamContract, audio: tuple[NDArray[np.int16], ...], why: str) -> Reference:
    chunk = contract.chunk_samples
    short = (audio[0][: _EVALUATOR_CHUNKS * chunk],)
    try:
        evaluator: Runnable = ReferenceEvaluator(read_proto(source))
        outputs = _step(evaluator, contract, short)
    except Exception as exc:  # an operator that it lacks or gets wrong shows as any error at all
        unable = str(exc).strip().splitlines()[0][:100] if str(exc).strip() else type(exc).__name__
        outputs = _step(open_session(source, optimized=False), contract, audio)
        how = f"stepped by unoptimized onnxruntime, because {why} and onnx's reference evaluator fails on it: {unable}"
        return Reference(contract, audio, outputs, how)
    return Reference(contract, short, outputs, f"stepped by onnx's reference evaluator, because {why}")


def _step(graph: Runnable, contract: StreamContract, audio: Sequence[NDArray[np.int16]]) -> tuple[Outputs, ...]:
    found = []
    for samples in audio:
        chunks = step_through(graph, contract, samples, contract.chunk_samples)
        if not chunks:
            raise ExportFailed(f"a recording of {len(samples)} samples holds no chunk")
        found.append([np.stack(values) for values in zip(*chunks, strict=True)])
    return tuple(found)
