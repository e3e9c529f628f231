"""Synthetic sessions, artifacts and scores for tests of what is decided from them. Nothing here was measured."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.device_facts import DeviceProbe, DeviceState
from orchestrator.domain.artifact import Artifact, Parity, Provenance
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.score import ItemScore, Score
from orchestrator.domain.session import Environment, PlannedSession, Session
from orchestrator.domain.study import Study

CPU = "CPUExecutionProvider"
SAMPLE_RATE_HZ = 16_000
CHUNK_SAMPLES = 320
CHUNK_NS = 20_000_000

CONTRACT = StreamContract(
    model="synthetic",
    sample_rate_hz=SAMPLE_RATE_HZ,
    chunk_samples=CHUNK_SAMPLES,
    allowed_chunk_samples=(CHUNK_SAMPLES,),
    frontend=Frontend("pcm"),
    input=TensorSpec("pcm", (1, CHUNK_SAMPLES)),
    states=(StatePair("h_in", "h_out", (1, 8)),),
    outputs=(TensorSpec("y", (1, 2)),),
)

STUDY = Study("study-1", "synthetic", "bench", "2026-01-01T00:00:00+00:00")

PROBE = DeviceProbe(
    model="Synthetic Board",
    soc=None,
    machine="x86_64",
    cores=(),
    memory_bytes=None,
    os="Linux",
    kernel="6.1.0",
    python="3.11",
    numpy=None,
    libc=None,
    context="local",
    runtimes=(),
    sensors=(),
    state=DeviceState(),
)
ENVIRONMENT = Environment("bench", "Synthetic Board", "a" * 64, "local", PROBE)


def artifact(recipe: str = "onnx:fp32", size_bytes: int = 800_000, parity_passed: bool = True) -> Artifact:
    """An artifact whose hash follows from its recipe."""
    name = recipe.encode().hex()[:64].ljust(64, "0")
    return Artifact(
        model="synthetic",
        sha256=name,
        size_bytes=size_bytes,
        path=Path(f"{name}.onnx"),
        recipe=Recipe.parse(recipe),
        contract=CONTRACT,
        provenance=Provenance("b" * 64, recipe, 17, {}, "2026-01-01T00:00:00+00:00"),
        parity=Parity(100, CHUNK_SAMPLES, 1e-6, 120.0, 1e-4, None, parity_passed),
    )


def candidate(recipe: str = "onnx:fp32", provider: str = CPU, threads: int = 1, **options: str) -> Candidate:
    made = artifact(recipe)
    return Candidate("synthetic", made.sha256, made.recipe, "onnxruntime", provider, threads, CHUNK_SAMPLES, options)


def paced_times(service_ns: NDArray[np.int64], lateness_ns: int = 50_000) -> NDArray[np.int64]:
    """``t_ns`` of a paced session in which chunk k needs ``service_ns[k]`` once it is issued."""
    n = len(service_ns)
    arrival = CHUNK_NS * np.arange(1, n + 1, dtype=np.int64)
    cost = service_ns.astype(np.int64) + lateness_ns
    total = np.cumsum(cost)
    done = total + np.maximum.accumulate(arrival - (total - cost))
    issue = done - service_ns
    return np.stack([arrival, issue, issue + service_ns // 10, done - service_ns // 100, done], axis=1).astype(np.int64)


def flat_out_times(service_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """``t_ns`` of a flat-out session: the next chunk is issued when the last one is done."""
    done = np.cumsum(service_ns.astype(np.int64))
    issue = done - service_ns
    return np.stack([issue, issue, issue + service_ns // 10, done - service_ns // 100, done], axis=1).astype(np.int64)


def service(mean_ms: float, count: int, seed: int, noise: float = 0.03) -> NDArray[np.int64]:
    """Service times of one run, ns: independent chunks around a level that varies from run to run by a third of it."""
    rng = np.random.default_rng(seed)
    level = mean_ms * 1e6 * (1.0 + noise / 3.0 * rng.standard_normal())
    return np.maximum(1000, level * (1.0 + noise * rng.standard_normal(count))).astype(np.int64)


def session(
    of: Candidate,
    mode: str = "paced",
    block: int = 0,
    *,
    service_ms: float = 2.0,
    chunks: int = 800,
    noise: float = 0.03,
    seed: int = 0,
    t_ns: NDArray[np.int64] | None = None,
    failure: str | None = None,
    throttled_before: bool | None = None,
    throttled_after: bool | None = None,
    placement: Sequence[wire.ProviderShare] = (),
    registered: Sequence[str] | None = None,
    peak_mb: float | None = 40.0,
    attempt: int = 0,
    environment: Environment = ENVIRONMENT,
    **facts: Any,
) -> Session:
    """A finished session, or with ``failure`` (its reason) a failed one. Modes paced and flat-out have times. ``facts``
    are further ones of its result.
    """
    planned = PlannedSession(STUDY.study_id, "bench", of, mode, block, 0, chunks, attempt)
    arrays: dict[str, NDArray[np.int64]] = {}
    if failure is None and mode in ("paced", "flat-out"):
        drawn = service(service_ms, chunks, zlib.crc32(f"{seed} {block} {of.key}".encode()), noise)
        arrays["t_ns"] = t_ns if t_ns is not None else (paced_times if mode == "paced" else flat_out_times)(drawn)
    steady = None if peak_mb is None else round(peak_mb * 1e6)
    result = wire.RunResult(
        session_id=planned.session_id,
        outcome="ok" if failure is None else "failed",
        chunk_count=chunks,
        load_ns=30_000_000,
        providers_registered=tuple(registered if registered is not None else dict.fromkeys((of.provider, CPU))),
        placement=tuple(placement),
        memory=(wire.PhaseMemory("steady", steady, None, None, "hwm-reset"),),
        before=DeviceState(throttled=throttled_before, throttled_source="synthetic flag"),
        after=DeviceState(throttled=throttled_after, throttled_source="synthetic flag"),
        failure=None if failure is None else "inference",
        reason=failure,
        sensors_absent={"power": "no power sensor on this device"},
        **facts,
    )
    return Session(planned, environment, "2026-01-01T00:00:00+00:00", 1.0, result, dict(arrays))


def race(of: Candidate, blocks: int = 4, *, service_ms: float = 2.0, seed: int = 0, chunks: int = 800) -> list[Session]:
    """Placement, three flat-out sessions and ``blocks`` paced ones."""
    whole = (wire.ProviderShare(of.provider, 10, 1.0),)
    sessions = [session(of, "placement", placement=whole)]
    sessions += [session(of, "flat-out", b, service_ms=service_ms, seed=seed + 1, chunks=chunks) for b in range(3)]
    sessions += [session(of, "paced", b, service_ms=service_ms, seed=seed, chunks=chunks) for b in range(blocks)]
    return sessions


def screened(of: Candidate, *, service_ms: float = 2.0, seed: int = 0) -> list[Session]:
    """Placement and flat-out sessions only."""
    return race(of, 0, service_ms=service_ms, seed=seed)


def score(of: Candidate, wrong: Sequence[int] = (), items: int = 1000, metric: str = "accuracy") -> Score:
    """One clip an item; those whose numbers are in ``wrong`` are errors."""
    errors = np.zeros(items)
    errors[list(wrong)] = 1.0
    scored = tuple(ItemScore(f"clip-{i:05}", float(e), 1.0) for i, e in enumerate(errors))
    value = 1.0 - float(errors.mean())
    return Score(f"evaluate-{of.key}", of.key, metric, value, "e" * 64, scored, {})
