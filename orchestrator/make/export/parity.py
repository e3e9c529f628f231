"""Proof that an artifact equals its source: streamed chunk by chunk, against the source's own output."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.contract import StreamContract
from orchestrator.domain.artifact import Parity
from orchestrator.errors import ExportFailed, ParityFailed
from orchestrator.make.export.outcome import NOT_EQUAL
from orchestrator.make.export.reference_output import Reference, join
from orchestrator.make.export.tolerances import TOLERANCES, Tolerance
from orchestrator.make.models.stepping import open_graph, step_through

# Other chunk sizes must give the same result; two seconds show whether they do.
_OTHER_SIZES_S = 2.0


def check_parity(reference: Reference, artifact: Path, precision: str) -> Parity:
    """Stream the reference's audio through ``artifact`` with carried state, in chunks of every allowed size.

    Returns the figures for the contract's own chunk size. Raises ParityFailed, with figures and tolerance, for an
    output that is not finite, has another shape, or is out of the precision's tolerance at any chunk size; ExportFailed
    where the runtime cannot load or run the artifact.
    """
    contract = reference.contract
    parity = _measure(reference, artifact, contract.chunk_samples, TOLERANCES[precision])
    demand(parity, artifact, precision)
    for chunk_samples in contract.allowed_chunk_samples:
        if chunk_samples != contract.chunk_samples:
            demand(_measure(_start_of(reference), artifact, chunk_samples, TOLERANCES[precision]), artifact, precision)
    return parity


def check_endurance(contract: StreamContract, audio: Sequence[NDArray[np.int16]], artifact: Path) -> None:
    """Stream all of ``audio``, of which a stepped reference has only the start: every output must be finite.

    Raises ParityFailed, and ExportFailed where the artifact does not run.
    """
    session = open_artifact(artifact)
    for samples in audio:
        _step(session, artifact, contract, samples, contract.chunk_samples)


def _start_of(reference: Reference) -> Reference:
    """The recordings that fit in two seconds, at least one."""
    limit = _OTHER_SIZES_S * reference.contract.sample_rate_hz
    count = max(1, int(np.searchsorted(np.cumsum([len(a) for a in reference.audio]), limit)))
    return Reference(reference.contract, reference.audio[:count], reference.outputs[:count], reference.how)


def _measure(reference: Reference, artifact: Path, chunk_samples: int, tolerance: Tolerance) -> Parity:
    chunk_count, wanted, got = 0, [], []
    session = open_artifact(artifact)
    for samples, outputs in zip(reference.audio, reference.outputs, strict=True):
        chunks = _step(session, artifact, reference.contract, samples, chunk_samples)
        chunk_count += len(chunks)
        for spec, truth, values in zip(reference.contract.outputs, outputs, zip(*chunks, strict=True), strict=True):
            streamed = join(list(values), truth.shape)
            if streamed is None and truth.shape == (len(values), *values[0].shape):
                streamed = np.stack(values)
            if streamed is None:
                raise ParityFailed(
                    f"output {spec.name} in chunks of {chunk_samples} samples has shape {values[0].shape} "
                    f"{len(values)} times, which does not make {truth.shape}"
                )
            wanted.append(np.ravel(truth).astype(np.float64))
            got.append(np.ravel(streamed).astype(np.float64))
    return figures_of(np.concatenate(wanted), np.concatenate(got), chunk_count, chunk_samples, tolerance)


def open_artifact(artifact: Path) -> Any:
    try:
        return open_graph(artifact)
    except Exception as exc:  # onnxruntime's errors share no base class of their own
        fault = _first_line(exc).replace(str(artifact), artifact.name)
        raise ExportFailed(f"its runtime cannot load what was exported: {fault}") from exc


def _step(
    session: Any, artifact: Path, contract: StreamContract, samples: NDArray[np.int16], chunk_samples: int
) -> list[list[NDArray[Any]]]:
    try:
        chunks = step_through(session, contract, samples, chunk_samples)
    except Exception as exc:
        raise ExportFailed(f"what was exported does not run on {chunk_samples} samples: {_first_line(exc)}") from exc
    for k, values in enumerate(chunks):
        for spec, array in zip(contract.outputs, values, strict=True):
            if not np.isfinite(array).all():
                raise ParityFailed(f"output {spec.name} of {artifact.name} is not finite in chunk {k}")
    return chunks


def figures_of(
    wanted: NDArray[np.float64], got: NDArray[np.float64], chunk_count: int, chunk_samples: int, tolerance: Tolerance
) -> Parity:
    error = got - wanted
    max_abs = float(np.abs(error).max(initial=0.0))
    signal, noise = float(np.square(wanted).sum()), float(np.square(error).sum())
    snr_db = 10.0 * float(np.log10(max(signal, np.finfo(float).tiny) / noise)) if noise > 0 else None
    near = tolerance.max_abs is not None and max_abs <= tolerance.max_abs
    clear = tolerance.snr_db is not None and (snr_db is None or snr_db >= tolerance.snr_db)
    return Parity(chunk_count, chunk_samples, max_abs, snr_db, tolerance.max_abs, tolerance.snr_db, near or clear)


def demand(parity: Parity, artifact: Path, precision: str) -> None:
    if parity.passed:
        return
    wanted = (
        f"max |difference| <= {parity.max_abs_allowed:g}"
        if parity.max_abs_allowed is not None
        else f"SNR >= {parity.snr_db_required:g} dB"
    )
    raise ParityFailed(
        f"{precision} {artifact.suffix} {NOT_EQUAL}: {parity_words(parity)} "
        f"over {parity.chunk_count} chunks of {parity.chunk_samples} samples, {wanted} is required"
    )


def parity_words(parity: Parity | None) -> str:
    if parity is None:
        return "not run here"
    snr = "no noise" if parity.snr_db is None else f"{parity.snr_db:.1f} dB"
    return f"max |difference| {parity.max_abs:.3g}, SNR {snr}"


def _first_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0][:300] if str(exc).strip() else type(exc).__name__
