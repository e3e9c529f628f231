"""A whole study made of synthetic times: seven candidates, an outcome for each, one of every kind of absence."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents import wire
from agents.contract import Decoder, Frontend, StatePair, StreamContract, TensorSpec
from agents.device_facts import Core, DeviceProbe, DeviceState, ProviderProbe, RuntimeProbe, SensorProbe
from orchestrator.domain.artifact import Artifact, Parity, Provenance
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.decision import CandidateVerdict, Decision, Estimate, Verification
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.score import ItemScore, Score
from orchestrator.domain.session import Environment, PlannedSession, Session
from orchestrator.domain.study import Study
from orchestrator.tell.report.content import ReportContent

STUDY_ID = "kws-pi5-20260301"
CHUNK_NS = 20_000_000
RATE_HZ = 16_000
CPU, XNNPACK = "CPUExecutionProvider", "XnnpackExecutionProvider"
SETTINGS: dict[str, object] = {
    "minimize": "latency_p99_ms",
    "budget_s": 240.0,
    "recipes": [],
    "chunk_ms": None,
    "seed": 7,
}
PARITY_REFUSAL = "max |d| 0.31 exceeds 0.05: static calibration saw no loud speech"

# (recipe, provider, threads, service in µs, quality loss, status, gate, reason)
PLAN: Sequence[tuple[str, str, int, float, float | None, str, str | None, str]] = (
    ("onnx:fp32", CPU, 1, 900, 0.0, "front", None, "on the front: best quality, but 2.3 times the p99 of the winner"),
    ("onnx:fp32", CPU, 4, 610, 0.0, "front", None, "on the front: nothing lost, and 1.5 times as fast"),
    (
        "onnx:int8-qdq(activation=u8,calibration=percentile,granularity=channel)",
        CPU,
        1,
        390,
        0.004,
        "winner",
        None,
        "lowest p99 of those whose quality loss stays within 1 point",
    ),
    ("onnx:int8-dynamic", CPU, 1, 520, 0.003, "dominated", None, "dominated by 1: slower, and no smaller loss"),
    ("onnx:fp16", CPU, 1, 1400, 0.0001, "dominated", None, "dominated by 2: fp16 is converted back on this CPU"),
    ("onnx:int4-weight(block=32)", CPU, 1, 430, 0.048, "rejected", "quality", "upper bound of the loss is 6.1 points"),
    ("onnx:fp32", XNNPACK, 1, 900, None, "rejected", "placement", "fell back: 100 % of node time on CPU"),
)


def contract(model: str = "kws") -> StreamContract:
    return StreamContract(
        model=model,
        sample_rate_hz=RATE_HZ,
        chunk_samples=320,
        allowed_chunk_samples=(320,),
        frontend=Frontend(kind="log-mel"),
        input=TensorSpec("mel", (1, 2, 40)),
        states=(StatePair("cache_0", "cache_0_next", (1, 40, 4)),),
        outputs=(TensorSpec("logits", (1, 2, 12)),),
        decoder=Decoder("keyword", ("silence", "yes", "no")),
    )


def artifact(recipe: str, number: int, model: str = "kws") -> Artifact:
    quantized = "int" in recipe
    return Artifact(
        model=model,
        sha256=f"{number:064x}",
        size_bytes=1_210_000 // (3 if quantized else 1),
        path=Path("artifacts") / f"{number:064x}.onnx",
        recipe=Recipe.parse(recipe),
        contract=contract(model),
        provenance=Provenance(
            source_sha256="5" * 64,
            recipe=recipe,
            opset=21,
            tools={"onnx": "1.23.2", "onnxruntime": "1.31.1"},
            created_utc="2026-03-01T09:12:44Z",
            calibration_sha256="c" * 64 if "qdq" in recipe else None,
            calibration_chunks=2000 if "qdq" in recipe else 0,
            duration_s=3.21,
        ),
        parity=Parity(
            chunk_count=500,
            chunk_samples=320,
            max_abs=0.021 if quantized else 3.1e-6,
            snr_db=31.2 if quantized else 118.0,
            max_abs_allowed=None if quantized else 1e-4,
            snr_db_required=20.0 if quantized else None,
            passed=True,
        ),
    )


def probe() -> DeviceProbe:
    return DeviceProbe(
        model="Raspberry Pi 5 Model B Rev 1.0",
        soc="BCM2712",
        machine="aarch64",
        cores=tuple(Core(i, 0, "Cortex-A76", 2_400_000_000) for i in range(4)),
        memory_bytes=8_241_000_000,
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="6.6.31+rpt-rpi-2712",
        python="3.11.2",
        numpy="2.4.6",
        libc="glibc 2.36",
        context="ssh",
        runtimes=(
            RuntimeProbe(
                "onnxruntime",
                True,
                "1.31.1",
                "release, git 1a2b3c4",
                (ProviderProbe(CPU, True), ProviderProbe(XNNPACK, False, "not built into this wheel")),
            ),
            RuntimeProbe("litert", False, reason="ai-edge-litert is not installed"),
        ),
        sensors=(
            SensorProbe("cpu-thermal", "temperature_c", True, "soc"),
            SensorProbe("rapl", "energy_j", False, reason="no powercap folder on this kernel"),
        ),
        state=state(48.0),
    )


def state(temperature_c: float) -> DeviceState:
    return DeviceState(
        frequency_hz=(2_400_000_000,) * 4,
        governor="performance",
        temperature_c={"cpu-thermal": temperature_c},
        throttled=False,
        throttled_source="vcgencmd get_throttled, latched bits",
        load_average_1m=0.2,
        background_cpu_share=0.013,
        background_window_s=1.0,
        memory_available_bytes=7_100_000_000,
    )


def times(service_us: float, chunks: int, paced: bool, random: np.random.Generator) -> NDArray[np.int64]:
    """A queue with one server: log-normal service, a stall of ten times now and then, a slow first chunk."""
    service = service_us * 1e3 * random.lognormal(0.0, 0.12, chunks)
    service[random.random(chunks) < 0.008] *= 10
    service[0] *= 25
    arrival = (np.arange(chunks) + 1) * CHUNK_NS
    t = np.empty((chunks, 5), dtype=np.int64)
    free = 0
    for k in range(chunks):
        late = int(random.exponential(60_000))
        start = max(int(arrival[k]), free) + late if paced else free + 900
        marks = start + (np.array([0.0, 0.25, 0.97, 1.0]) * service[k]).astype(np.int64)
        t[k] = (int(arrival[k]) if paced else start, *marks)
        free = int(marks[-1])
    return t + 1_000_000_000_000


def result(session_id: str, chunks: int, mode: str, provider: str) -> wire.RunResult:
    used = "CPUExecutionProvider"
    return wire.RunResult(
        session_id=session_id,
        outcome="ok",
        chunk_count=chunks,
        load_ns=21_000_000,
        runtime_version="1.31.1",
        providers_registered=(provider,),
        placement=(wire.ProviderShare(used, 23, 1.0, ("Conv", "Gemm")),) if mode == "placement" else (),
        before=state(48.0),
        after=state(53.5),
        memory=tuple(
            wire.PhaseMemory(phase, peak * 10**6, anon * 10**6, file * 10**6, wire.HWM_RESET)
            for phase, peak, anon, file in (
                ("import", 52, 26, 25),
                ("load", 58, 28, 29),
                ("first-run", 60, 29, 30),
                ("steady", 61, 29, 31),
            )
        ),
        pss=wire.MemorySnapshot(41_000_000, 1_000_000_000_000, "/proc/self/smaps_rollup"),
        observer=wire.ObserverCost(3.5, 3.1, 0.2, 0.021, 2_300, 0.1, 60.0, 17_000_000, 16_000_000, 14_000_000),
        clock_step_s=1.2e-5,
        sensors_absent={"rapl": "no powercap folder on this kernel"},
    )


def session(
    candidate: Candidate, mode: str, block: int, position: int, service_us: float, chunks: int, seed: int
) -> Session:
    random = np.random.default_rng(seed)
    planned = PlannedSession(STUDY_ID, "pi5-lab", candidate, mode, block, position, chunks)
    environment = Environment("pi5-lab", "Raspberry Pi 5 Model B", "a" * 64, "ssh", probe())
    arrays: dict[str, NDArray[Any]] = {}
    if mode in ("paced", "flat-out"):
        arrays["t_ns"] = times(service_us, chunks, mode == "paced", random)
    return Session(
        planned,
        environment,
        "2026-03-01T09:20:00Z",
        12.5,
        result(planned.session_id, chunks, mode, candidate.provider),
        arrays,
    )


def candidates(model: str = "kws") -> list[Candidate]:
    recipes = sorted({p[0] for p in PLAN})
    shas = {recipe: f"{i + 1:064x}" for i, recipe in enumerate(recipes)}
    return [Candidate(model, shas[p[0]], Recipe.parse(p[0]), "onnxruntime", p[1], p[2], 320) for p in PLAN]


def _around(value: float, spread: float, n: int = 5, basis: str = "runs") -> Estimate:
    return Estimate(value, value * (1 - spread), value * (1 + spread), n, basis)


def metrics(service_us: float, loss: float | None, size_bytes: int, chunks: int) -> dict[str, Estimate]:
    ms = service_us / 1e3
    few = Estimate(None, n=chunks, basis="chunks", reason=f"p99 needs 662 values, there are {chunks}")
    return {
        "latency_p50_ms": _around(ms * 1.1, 0.02),
        "latency_p99_ms": _around(ms * 2.4, 0.11) if chunks >= 662 else few,
        "service_p50_ms": _around(ms, 0.01),
        "service_p99_ms": _around(ms * 2.1, 0.09),
        "miss_rate": Estimate(0.0, 0.0, 0.0004, 5),
        "rtf": _around(ms / 20, 0.02),
        "peak_rss_mb": Estimate(61.3, n=5, reason="the highest of 5 runs"),
        "size_mb": Estimate(size_bytes / 1e6, size_bytes / 1e6, size_bytes / 1e6, 1, "file"),
        "load_ms": _around(21.0, 0.1),
        "energy_mj_per_audio_s": Estimate(None, reason="this device has no power sensor"),
        "quality_loss": Estimate(None, reason="rejected before it was scored")
        if loss is None
        else Estimate(loss, loss - 0.004, loss + 0.005, 600, "items"),
    }


def score(candidate: Candidate, error_rate: float) -> Score:
    wrong = round(600 * error_rate)
    items = tuple(ItemScore(f"clip-{i}", float(i < wrong), 1.0) for i in range(600))
    details = {"frr": 0.041 + error_rate / 2, "false_accepts_per_hour": 0.5, "threshold": 0.62}
    return Score(
        f"{STUDY_ID}-evaluate-{candidate.key}", candidate.key, "accuracy", 1 - wrong / 600, "e" * 64, items, details
    )


def decision(chosen: list[Candidate], artifacts: Sequence[Artifact], chunks: int) -> Decision:
    sizes = {a.sha256: a.size_bytes for a in artifacts}
    verdicts = tuple(
        CandidateVerdict(c, p[5], p[7], metrics(p[3], p[4], sizes[c.artifact_sha256], chunks), p[6])
        for c, p in zip(chosen, PLAN, strict=True)
    )
    winner, baseline = chosen[2], chosen[0]
    p99 = verdicts[2].metrics["latency_p99_ms"]
    return Decision(
        study_id=STUDY_ID,
        model=winner.model,
        device="pi5-lab",
        device_model="Raspberry Pi 5 Model B",
        objective="latency_p99_ms",
        constraints={"max_quality_loss": 0.01, "max_size_mb": 50.0},
        verdict="winner",
        candidates=verdicts,
        winner=winner.key,
        baseline=baseline.key,
        gain=Estimate(2.31, 2.02, 2.64, 5),
        quality_cost=verdicts[2].metrics["quality_loss"],
        sentence="int8-qdq on CPU with 1 thread wins on Raspberry Pi 5 Model B: its p99 latency is 2.31 times lower "
        "than that of the fp32 default (95 %: 2.02 … 2.64), at a quality loss of 0.4 points (at most 0.9).",
        verification=Verification(
            winner.key,
            winner.artifact_sha256,
            True,
            "latency_p99_ms",
            p99,
            p99,
            True,
            ("fresh-1", "fresh-2"),
            "within it",
        ),
    )


def content(chunks: int = 700, blocks: int = 5, model: str = "kws") -> ReportContent:
    """A finished study. Sessions of ``chunks`` chunks; the p99 is estimable from 662 on."""
    chosen = candidates(model)
    artifacts = [artifact(recipe, i + 1, model) for i, recipe in enumerate(sorted({p[0] for p in PLAN}))]
    sessions = [
        session(c, mode, block, position, p[3], chunks, seed=1000 * block + 10 * position + (mode == "paced"))
        for block in range(blocks)
        for position, (c, p) in enumerate(zip(chosen, PLAN, strict=True))
        for mode in ("paced", "flat-out")
        if p[6] != "placement"
    ]
    sessions += [session(c, "placement", 0, i, 0.0, 50, seed=i) for i, c in enumerate(chosen)]
    sessions.append(failed_session(chosen[-1]))
    return ReportContent(
        study=Study(STUDY_ID, model, "pi5-lab", "2026-03-01T09:10:02Z", SETTINGS, "finished"),
        decision=decision(chosen, artifacts, chunks),
        sessions=[with_sampler(s, i) if s.planned.mode == "paced" and s.ok else s for i, s in enumerate(sessions)],
        scores=[score(c, 0.021 + p[4]) for c, p in zip(chosen, PLAN, strict=True) if p[4] is not None],
        artifacts=artifacts,
        refusals=[("onnx:int8-qoperator", PARITY_REFUSAL)],
    )


def failed_session(candidate: Candidate) -> Session:
    whole = session(candidate, "paced", 0, 9, 0.0, 1, seed=0)
    reason = "XnnpackExecutionProvider is not built into this wheel"
    return replace(whole, result=wire.failed(whole.session_id, "provider-missing", reason), arrays={})


def with_sampler(whole: Session, seed: int) -> Session:
    """Ten samples a second of memory and temperature, beside the chunks."""
    random = np.random.default_rng(seed)
    begin, end = whole.arrays["t_ns"][0, 0], whole.arrays["t_ns"][-1, -1]
    t_ns = np.arange(begin, end, 100_000_000, dtype=np.int64)
    arrays = {
        **whole.arrays,
        "sample_t_ns": t_ns,
        "sample_rss_bytes": 61_000_000 + random.integers(0, 400_000, len(t_ns)),
        "sample_temperature_c__cpu-thermal": 48
        + 5 * (1 - np.exp(-np.arange(len(t_ns)) / 60))
        + random.normal(0, 0.2, len(t_ns)),
    }
    return replace(whole, arrays=arrays)
