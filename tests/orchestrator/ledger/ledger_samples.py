"""Nouns to record: small, whole and different from each other."""

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

CHUNK_SAMPLES = 320
CHUNK_NS = 20_000_000
QDQ = Recipe.parse("onnx:int8-qdq(activation=u8,calibration=minmax)")
FP32 = Recipe.parse("onnx:fp32")


def contract() -> StreamContract:
    return StreamContract(
        model="kws",
        sample_rate_hz=16000,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(CHUNK_SAMPLES, 640),
        frontend=Frontend("log-mel"),
        input=TensorSpec("x", (1, 2, 40)),
        states=(StatePair("s_in", "s_out", (1, 4)),),
        outputs=(TensorSpec("y", (1, 2, 3)),),
        decoder=Decoder("keyword", labels=("_silence", "go", "stop"), ignored=("_silence",)),
    )


def study(study_id: str = "s1", started_utc: str = "2026-11-21T04:00:00Z", **settings: Any) -> Study:
    return Study(study_id, "kws", "local", started_utc, {"seed": 1, "quick": True, "max_p99_ms": None, **settings})


def artifact(path: Path, digit: str = "a", recipe: Recipe = FP32) -> Artifact:
    return Artifact(
        model="kws",
        sha256=digit * 64,
        size_bytes=1234,
        path=path,
        recipe=recipe,
        contract=contract(),
        provenance=Provenance("b" * 64, str(recipe), 17, {"onnx": "1.22"}, "2026-11-21T04:00:00Z", notes=("plain",)),
        parity=Parity(50, CHUNK_SAMPLES, 1e-6, None, 1e-4, None, True),
    )


def candidate(digit: str = "a", recipe: Recipe = FP32, threads: int = 1) -> Candidate:
    return Candidate("kws", digit * 64, recipe, "onnxruntime", "CPUExecutionProvider", threads, CHUNK_SAMPLES)


def environment(temperature_c: float = 50.0) -> Environment:
    probe = DeviceProbe(
        model="Raspberry Pi 5",
        soc="bcm2712",
        machine="aarch64",
        cores=(Core(0, 0, "0xd0b", 2_400_000_000),),
        memory_bytes=8 << 30,
        os="Debian 12",
        kernel="6.6",
        python="3.11.2",
        numpy="2.4.6",
        libc="glibc 2.36",
        context="local",
        runtimes=(RuntimeProbe("onnxruntime", True, "1.23", None, (ProviderProbe("CPUExecutionProvider", True),)),),
        sensors=(SensorProbe("ina3221", "power", False, reason="no such bus"),),
        state=DeviceState((1_000_000_000,), "ondemand", {"cpu": temperature_c}, False, "vcgencmd"),
    )
    return Environment("local", "Raspberry Pi 5", "c" * 64, "local", probe)


def times(count: int, seed: int = 0, paced: bool = True) -> NDArray[np.int64]:
    """Shape (count, 5): a schedule of 20 ms, with lateness and stages that vary, and 10 % of the chunks late."""
    rng = np.random.default_rng(seed)
    steps = rng.gamma(2.0, [[40_000.0, 80_000.0, 400_000.0, 20_000.0]], (count, 4)).astype(np.int64)
    steps[:, 2] += np.where(rng.random(count) < 0.1, CHUNK_NS, 0)
    out = np.empty((count, len(wire.TIME_COLUMNS)), dtype=np.int64)
    done = 10**12 + seed
    for k in range(count):
        arrival = 10**12 + (k + 1) * CHUNK_NS if paced else done
        out[k] = arrival, *(max(arrival, done) + np.cumsum(steps[k]))
        done = int(out[k, wire.DONE])
    return out


def planned(
    study_id: str = "s1", block: int = 0, mode: str = "paced", attempt: int = 0, **choice: Any
) -> PlannedSession:
    return PlannedSession(study_id, "local", candidate(**choice), mode, block, 0, 50, attempt)


def session(plan: PlannedSession | None = None, chunk_count: int = 50, seed: int = 0) -> Session:
    plan = plan or planned()
    result = wire.RunResult(plan.session_id, "ok", chunk_count, load_ns=5, decoded=([{"label": "go", "t_s": 1.5}],))
    arrays: dict[str, NDArray[Any]] = {
        "t_ns": times(chunk_count, seed, plan.mode == "paced"),
        "temperature_c": np.linspace(50, 51, 7, dtype=np.float32),
        "sampler_t_ns": np.arange(7, dtype=np.int64) * 100_000_000,
    }
    return Session(plan, environment(), "2026-11-21T04:00:01Z", 1.5, result, arrays)


def failed_session(plan: PlannedSession) -> Session:
    result = wire.failed(plan.session_id, "killed", "signal 9")
    return Session(plan, environment(), "2026-11-21T04:00:02Z", 0.5, result, {})


def score(session_id: str, metric: str = "accuracy", value: float = 0.5) -> Score:
    items = (ItemScore("a.wav", 0.0, 1.0), ItemScore("b.wav", 1.0, 1.0))
    return Score(session_id, candidate().key, metric, value, "d" * 64, items, {"clips": 2.0})


def decision(study_id: str = "s1", verification: Verification | None = None) -> Decision:
    figure = Estimate(1.5, 1.2, 1.8, 10)
    return Decision(
        study_id=study_id,
        model="kws",
        device="local",
        device_model="Raspberry Pi 5",
        objective="latency_p99_ms",
        constraints={"size_mb": 50.0},
        verdict="winner",
        candidates=(CandidateVerdict(candidate(), "winner", "the fastest", {"latency_p99_ms": figure}),),
        winner=candidate().key,
        baseline=candidate().key,
        gain=Estimate(1.0),
        quality_cost=Estimate(None, reason="not measured"),
        sentence="fp32 wins",
        verification=verification,
    )


def same_arrays(left: Session, right: Session) -> bool:
    return set(left.arrays) == set(right.arrays) and all(
        np.array_equal(left.arrays[n], right.arrays[n]) and left.arrays[n].dtype == right.arrays[n].dtype
        for n in left.arrays
    )
