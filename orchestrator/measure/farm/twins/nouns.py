"""What the ledger is told of a twin: its models, its environment, its sessions. All of it says that it is simulated."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agents import wire
from agents.contract import Frontend, StatePair, StreamContract, TensorSpec
from agents.device_facts import Core, DeviceProbe, DeviceState, RuntimeProbe, SensorProbe
from agents.wire.memory import HWM_RESET
from orchestrator.domain.artifact import Artifact, Parity, Provenance
from orchestrator.domain.candidate import Candidate
from orchestrator.domain.recipe import Recipe
from orchestrator.domain.session import Environment, PlannedSession, Session
from orchestrator.measure.farm.twins.body import Twin
from orchestrator.measure.farm.twins.stream import FULL_CLOCK_HZ, Streamed, Workload

# In ``RunResult.emulated``, which keeps a session from every ranking, and in the settings of a study.
SIMULATED = "a twin of earshot farm simulate"
RATE_HZ, CHUNK_SAMPLES = 16_000, 320
# Chunks of 20 ms.
CHUNK_MS = 1e3 * CHUNK_SAMPLES / RATE_HZ
FP32 = Recipe("onnx", "fp32")
_PROVIDER = "CPUExecutionProvider"
_MEMORY = (("import", 51e6), ("load", 63e6), ("first-run", 64e6), ("steady", 67e6))


def workload(number: int, seconds: float) -> Workload:
    """Of the number-th configuration: each costs half as much again as the one before, from 2 ms on."""
    return Workload(min(2.0 * 1.5**number, 0.6 * CHUNK_MS), CHUNK_MS, max(1, round(1e3 * seconds / CHUNK_MS)))


def artifact(model: str) -> Artifact:
    """A file that is nowhere: no twin needs its bytes."""
    sha256 = hashlib.sha256(f"{SIMULATED}: {model}".encode()).hexdigest()
    contract = StreamContract(
        model=model,
        sample_rate_hz=RATE_HZ,
        chunk_samples=CHUNK_SAMPLES,
        allowed_chunk_samples=(CHUNK_SAMPLES,),
        frontend=Frontend("pcm"),
        input=TensorSpec("pcm", (1, CHUNK_SAMPLES)),
        states=(StatePair("h_in", "h_out", (1, 64)),),
        outputs=(TensorSpec("y", (1, 2)),),
    )
    provenance = Provenance(sha256, str(FP32), 17, {}, "1970-01-01T00:00:00+00:00", notes=(SIMULATED,))
    parity = Parity(1, CHUNK_SAMPLES, 0.0, None, 1e-4, None, True)
    return Artifact(model, sha256, 1_000_000, Path(f"{sha256}.onnx"), FP32, contract, provenance, parity)


def candidate(made: Artifact, threads: int = 1) -> Candidate:
    return Candidate(made.model, made.sha256, made.recipe, "onnxruntime", _PROVIDER, threads, CHUNK_SAMPLES)


def environment(twin: Twin) -> Environment:
    """As large as that of a small board."""
    cores = tuple(Core(number, 0, "0x41/0xd0b", round(FULL_CLOCK_HZ)) for number in range(4))
    sensors = (
        SensorProbe("soc", "temperature_c", True, "soc", source="twin"),
        SensorProbe("board", "power_w", True, "board", source="twin"),
    )
    probe = DeviceProbe(
        model=twin.kind.device_model,
        soc="twin",
        machine="twin",
        cores=cores,
        memory_bytes=4_000_000_000,
        os="Twin",
        kernel="0",
        python="3.11",
        numpy="2.0",
        libc=None,
        context="ssh",
        runtimes=(RuntimeProbe("onnxruntime", True, "0"),),
        sensors=sensors,
        state=DeviceState(),
        virtual=SIMULATED,
    )
    return Environment(twin.name, twin.kind.device_model, hashlib.sha256(b"twin").hexdigest(), "ssh", probe)


def session(
    planned: PlannedSession, where: Environment, began_utc_s: float, found: Streamed, failure: str | None
) -> Session:
    """``failure``: its reason; a session that failed has no arrays."""
    result = wire.RunResult(
        session_id=planned.session_id,
        outcome="ok",
        chunk_count=planned.chunk_count,
        import_ns=97_000_000,
        load_ns=10_000_000,
        first_inference_ns=int(found.arrays["t_ns"][0, 3] - found.arrays["t_ns"][0, 2]),
        runtime_version="0",
        runtime_build=SIMULATED,
        providers_registered=(planned.candidate.provider,),
        emulated=SIMULATED,
        memory=tuple(wire.PhaseMemory(name, int(peak), 26_000_000, 25_000_000, HWM_RESET) for name, peak in _MEMORY),
        before=_state(found.before_c, False, began_utc_s),
        after=_state(found.after_c, found.throttled, began_utc_s + found.duration_s),
    )
    if failure is not None:
        result = replace(result, outcome="failed", failure="inference", reason=failure)
    began = datetime.fromtimestamp(began_utc_s, UTC).isoformat(timespec="seconds")
    arrays = {} if failure is not None else dict(found.arrays)
    return Session(planned, where, began, found.duration_s, result, arrays)


def _state(temperature_c: float, throttled: bool, at_utc_s: float) -> DeviceState:
    return DeviceState(
        frequency_hz=(round(FULL_CLOCK_HZ),),
        governor="performance",
        temperature_c={"soc": round(temperature_c, 1)},
        throttled=throttled,
        throttled_source="twin",
        load_average_1m=0.1,
        memory_available_bytes=3_000_000_000,
        wall_clock_utc_s=at_utc_s,
    )
