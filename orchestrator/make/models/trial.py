"""The proof of an inferred contract: a second of audio, streamed."""

from pathlib import Path

import numpy as np

from agents.contract import StreamContract
from orchestrator.errors import BadModel, NotAStream
from orchestrator.make.models.probe_audio import probe_audio
from orchestrator.make.models.stepping import chunk_inputs, constant_feeds, initial_states, open_graph


def try_contract(path: Path, contract: StreamContract) -> tuple[tuple[int, ...], ...]:
    """Shapes of the contract's outputs for one chunk, found by streaming at least a second (3 chunks) through ``path``.

    Raises BadModel where its runtime cannot load or run it or an output is not finite, NotAStream where a state comes
    out with another shape or dtype than it went in.
    """
    try:
        session = open_graph(path)
    except Exception as exc:  # onnxruntime's errors share no base class of their own
        raise BadModel(f"its runtime cannot load {path}: {_first_line(exc)}") from exc
    names = [o.name for o in contract.outputs]
    states, constants = initial_states(contract), constant_feeds(contract)
    seconds = max(1.0, 3 * contract.chunk_s())
    shapes: tuple[tuple[int, ...], ...] = ()
    audio = probe_audio(contract.sample_rate_hz, seconds)
    for chunk, values in enumerate(chunk_inputs(contract, audio, contract.chunk_samples)):
        feeds = {contract.input.name: values, **states, **constants}
        try:
            found = session.run([*names, *(s.output for s in contract.states)], feeds)
        except Exception as exc:
            raise BadModel(
                f"{path.name} does not run with {contract.input.name} {values.shape}: {_first_line(exc)}",
                hint="check --chunk-samples, --context-samples, --constant and --dim",
            ) from exc
        outputs, new_states = found[: len(names)], found[len(names) :]
        for pair, value in zip(contract.states, new_states, strict=True):
            if value.shape != pair.shape or value.dtype != np.dtype(pair.dtype):
                raise NotAStream(
                    f"state {pair.input} of {path.name} goes in as {pair.dtype} {pair.shape} and comes out of "
                    f"{pair.output} as {value.dtype} {value.shape}",
                    hint="a state must keep its shape; export the graph with a cache of fixed size",
                )
        for name, value in zip(names, outputs, strict=True):
            if not np.isfinite(value).all():
                raise BadModel(
                    f"output {name} of {path.name} holds NaN or infinity in chunk {chunk} of ordinary audio",
                    hint="export it again in fp32 and check its weights; if it was made for another input, say so with "
                    "--frontend, --chunk-samples and --sample-rate",
                )
        states = {s.input: v for s, v in zip(contract.states, new_states, strict=True)}
        shapes = tuple(tuple(v.shape) or (1,) for v in outputs)
    return shapes


def _first_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
